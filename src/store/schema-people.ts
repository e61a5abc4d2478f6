/** Tables of people: what they may, what they said, what they signed. */

/** `owner` in these tables is the keyed hash of a person, the same whatever they signed in as. */
export interface SessionTable {
  id: string;
  owner: string;
  kind: "worker" | "citizen";
  device_hash: string;
  created_at: number;
  /** last use, within a twentieth of the idle limit */
  seen_at: number;
  rotated_at: number;
  /** absolute end */
  expires_at: number;
  /** sealed JSON */
  facts: Uint8Array;
}

/** Every token that a session has had: one that is retired shows a replay. */
export interface SessionTokenTable {
  /** keyed hash of the cookie's value */
  hash: string;
  session_id: string;
  issued_at: number;
  /** when a later token of the session was first used */
  retired_at: number | null;
}

/** One row per completed sign-in; outlives its session. */
export interface SignInTable {
  session_id: string;
  owner: string;
  at: number;
  device_hash: string;
  new_device: boolean;
  /** when the person saw the notice about a new device */
  seen_at: number | null;
  /** sealed JSON: address, browser, ways of authentication */
  circumstances: Uint8Array;
}

export interface TermsAcceptanceTable {
  owner: string;
  version: string;
  at: number;
}

/** The last time that ФРМР confirmed a worker. */
export interface WorkerVerificationTable {
  owner: string;
  at: number;
  /** sealed JSON */
  facts: Uint8Array;
}

export interface OneTimeValueTable {
  /** keyed hash of the purpose and the value */
  hash: string;
  expires_at: number;
}

/** The one code in force of a person, and how often they missed it. */
export interface OneTimeCodeTable {
  /** keyed hash of the person */
  owner: string;
  purpose: string;
  /** id of what it confirms */
  target: string;
  code_mac: string;
  sent_at: number;
  expires_at: number;
  wrong: number;
  /** 0: not locked */
  locked_until: number;
}

/** What a Consent in force says to decide(): logical ids and codes only. Withdrawn ones have no row. */
export interface ConsentFactTable {
  tenant: string;
  /** of the Consent */
  id: string;
  kind: "processing" | "treatment" | "access" | "prescription";
  decision: "permit" | "deny";
  patient: string;
  rights: string[];
  practitioner: string | null;
  /** ФРМО OID */
  organization: string | null;
  /** for whoever the patient books with */
  booked: boolean;
  types: string[] | null;
  labels: string[] | null;
  starts_at: number | null;
  ends_at: number | null;
  granted_at: number;
}

/** Whose patient somebody is, by a CareTeam, EpisodeOfCare or Appointment. */
export interface CareRelationTable {
  tenant: string;
  type: string;
  /** of the resource that says so */
  id: string;
  kind: "assigned" | "booked";
  patient: string;
  practitioner: string;
  /** ФРМО OID */
  organization: string;
  ends_at: number | null;
}

/** Who acts for a child or an incapable person, by a RelatedPerson. */
export interface RepresentationTable {
  tenant: string;
  /** of the RelatedPerson */
  id: string;
  kind: "parent" | "guardian-of-incapable";
  patient: string;
  /** keyed hash of the person who represents */
  representative: string;
  ends_at: number | null;
}

/** A request of a person for their signature; `signer` and `subject` are logical ids. */
export interface SignatureTable {
  id: string;
  tenant: string;
  signer: string;
  subject: string | null;
  purpose: string;
  /** as src/flows/signature/state.ts names them */
  state: string;
  document_mac: string;
  /** SHA-256 of the signer's certificate, in hex */
  certificate: string | null;
  created_at: number;
  expires_at: number;
  submitted_at: number | null;
  settled_at: number | null;
  /** next try of what waits for its verification */
  due_at: number | null;
  document_id: string | null;
  document_version: number | null;
  /** of the Binary that holds the signed bytes */
  binary_id: string | null;
  /** roles that must still sign the document; null: none */
  awaiting: string[] | null;
  /** of the person who is to sign, where the signature opens something to that session alone */
  session: string | null;
  /** sealed JSON: what is signed and why */
  terms: Uint8Array;
  /** sealed: the frozen bytes */
  content: Uint8Array;
  /** sealed: the signature as it came */
  container: Uint8Array | null;
}

export interface SignatureEvidenceTable {
  signature_id: string;
  n: number;
  at: number;
  verdict: string;
  /** keyed hash of what the signature's value covers: one signature has one, however its container is encoded */
  imprint_mac: string | null;
  /** sealed JSON */
  report: Uint8Array;
}

/** The last answer of a responder or list to one question; times in milliseconds since the epoch. */
export interface RevocationAnswerTable {
  /** hash of the address and of the question */
  key: string;
  answer: Uint8Array;
  fetched_at: number;
  produced_at: number;
  this_update: number;
  next_update: number | null;
  expires_at: number;
}

export interface SigningCertificateTable {
  /** logical id of the Practitioner */
  person: string;
  fingerprint: string;
  not_after: number;
  bound_at: number;
  lost_at: number | null;
  /** the owner has confirmed it by a code */
  activated_at: number | null;
  /** the last notice before its end was for so many days */
  noticed_days: number | null;
  /** sealed DER */
  certificate: Uint8Array;
  /** sealed JSON: where notices go */
  contact: Uint8Array | null;
}
