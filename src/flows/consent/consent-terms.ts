import type { ConsentKind, Label, Right } from "../../access/access-facts.ts";
import { classOf, type DataClass } from "../../access/data-classes.ts";
import { GatewayError } from "../../core/errors.ts";

/** Somebody or something with the name that was shown when the consent was given. */
export interface Named {
  id: string;
  name?: string;
}

/** Who may see the card. */
export interface Grantee {
  practitioner?: Named;
  /** id: ФРМО OID */
  organization?: Named;
  /** whoever the patient books with */
  booked?: boolean;
}

/** What a person agrees to or forbids; times in clock milliseconds. */
export interface ConsentTerms {
  kind: ConsentKind;
  decision: "permit" | "deny";
  patient: Named;
  grantee?: Grantee;
  rights: readonly Right[];
  types?: readonly string[];
  labels?: readonly Label[];
  from?: number;
  until?: number;
}

export type ConsentStatus = "draft" | "active" | "inactive";

/** A consent as it was written down. */
export interface StoredConsent extends ConsentTerms {
  id: string;
  status: ConsentStatus;
  /** logical id of the Patient who gave it: the patient, or who represents them */
  grantor: string;
  text: { version: string; title: string; body: string };
  preparedAt: number;
  grantedAt?: number;
  withdrawnAt?: number;
}

/**
 * Rights as each kind has them: a prescription and an intervention are entered, not looked at. What is left open is the
 * least that is permitted, and all that is refused.
 */
export function rightsOf(
  { kind, decision }: Pick<ConsentTerms, "kind" | "decision">,
  asked: readonly Right[] | undefined,
): readonly Right[] {
  if (kind === "access") return asked ?? (decision === "deny" ? ["view", "enter"] : ["view"]);
  return kind === "processing" ? [] : ["enter"];
}

/** Throws `validation-failed` naming the first part of the terms that does not suit their kind. */
export function requireFitting(terms: ConsentTerms, now: number): void {
  const wrong = objections.find(([, isWrong]) => isWrong(terms, now));
  if (wrong) throw new GatewayError("validation-failed", { field: wrong[0], detail: wrong[2] });
}

type Objection = [field: string, isWrong: (terms: ConsentTerms, now: number) => boolean, detail: string];

const isAccess = ({ kind }: ConsentTerms) => kind === "access";
const countOf = ({ grantee }: ConsentTerms): number =>
  [grantee?.practitioner ?? grantee?.organization, grantee?.booked].filter(Boolean).length;

// a refusal of what there is not would protect nothing
const ofCard: ReadonlySet<DataClass | undefined> = new Set(["patient", "registration"] as const);

const objections: readonly Objection[] = [
  [
    "decision",
    (terms) => terms.decision === "deny" && !isAccess(terms),
    "only access is refused; the others are not given or withdrawn",
  ],
  [
    "grantee",
    (terms) => isAccess(terms) && terms.decision === "permit" && countOf(terms) !== 1,
    "a permission names a practitioner, an organisation, or whoever is booked with",
  ],
  [
    "grantee",
    (terms) => terms.decision === "deny" && terms.grantee?.booked === true,
    "a refusal names a practitioner or an organisation, or nobody for everybody",
  ],
  [
    "grantee",
    ({ kind, grantee }) => kind === "treatment" && !grantee?.organization,
    "an informed consent names the organisation",
  ],
  [
    "grantee",
    (terms) => !isAccess(terms) && (terms.grantee?.practitioner ?? terms.grantee?.booked) !== undefined,
    "only access is given to a single worker",
  ],
  ["types", (terms) => terms.types !== undefined && !isAccess(terms), "only access is limited by types"],
  [
    "types",
    ({ types = [] }) => types.some((type) => !ofCard.has(classOf(type, "someone"))),
    "types are those of a patient's card",
  ],
  ["labels", (terms) => terms.labels !== undefined && !isAccess(terms), "only access opens labels"],
  [
    "grantee/booked",
    ({ grantee, types, labels, from }) =>
      grantee?.booked === true && [types, labels, from].some((limit) => limit !== undefined),
    "a booking opens the card as far as rights and until say",
  ],
  [
    "until",
    ({ kind, from, until }) => kind === "processing" && (from ?? until) !== undefined,
    "a consent to processing holds until it is withdrawn",
  ],
  [
    "until",
    ({ from, until }, now) => until !== undefined && until <= Math.max(now, from ?? now),
    "until is in the future and after from",
  ],
];
