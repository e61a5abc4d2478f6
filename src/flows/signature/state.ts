/** A request for a signature: what may happen to it is `next`, and nothing else. */
export type SignatureState =
  /** the bytes are frozen and wait for the person's tool */
  | "prepared"
  /** all is right but nobody could say whether the certificate is revoked (E-17) */
  | "verification-pending"
  | "signed"
  /** found wrong after it had waited */
  | "refused"
  /** not signed within its time */
  | "expired"
  | "cancelled"
  /** a newer signature stands for the changed document (E-19) */
  | "superseded";

export type SignatureEvent =
  | "verified"
  /** no source of revocation could be relied on */
  | "unverified"
  | "refused"
  | "ran-out"
  | "cancelled"
  | "superseded";

const steps: Readonly<Record<SignatureState, Partial<Record<SignatureEvent, SignatureState>>>> = {
  prepared: {
    verified: "signed",
    unverified: "verification-pending",
    // another try is possible while the bytes are frozen
    refused: "prepared",
    "ran-out": "expired",
    cancelled: "cancelled",
  },
  "verification-pending": {
    verified: "signed",
    unverified: "verification-pending",
    refused: "refused",
    cancelled: "cancelled",
  },
  signed: { superseded: "superseded" },
  refused: {},
  expired: {},
  cancelled: {},
  superseded: {},
};

/** The state after an event; undefined when the event can't happen in that state. */
export const next = (state: SignatureState, event: SignatureEvent): SignatureState | undefined =>
  steps[state][event];

/** What waits for its verification is neither dispensed nor registered: only this state opens the way. */
export const isInForce = (state: SignatureState): boolean => state === "signed";
