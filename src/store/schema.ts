import type { ColumnType, Generated, GeneratedAlways } from "kysely";
import type { ConceptTable, DictionaryTable } from "./dictionary-tables.ts";

/** Times are milliseconds since the epoch in int8 columns: equal on both engines and free of zones. */
export interface Schema {
  resource: ResourceTable;
  resource_history: ResourceHistoryTable;
  data_key: DataKeyTable;
  retention_hold: RetentionHoldTable;
  identity_map: IdentityMapTable;
  journal_group: JournalGroupTable;
  journal: JournalView;
  journal_head: JournalHeadTable;
  outbox: OutboxTable;
  job_lease: JobLeaseTable;
  subscription: SubscriptionTable;
  subscription_event: SubscriptionEventTable;
  one_time_value: OneTimeValueTable;
  failed_message: FailedMessageTable;
  session: SessionTable;
  session_token: SessionTokenTable;
  sign_in: SignInTable;
  terms_acceptance: TermsAcceptanceTable;
  worker_verification: WorkerVerificationTable;
  idempotency: IdempotencyTable;
  consent_fact: ConsentFactTable;
  care_relation: CareRelationTable;
  representation: RepresentationTable;
  one_time_code: OneTimeCodeTable;
  search_resource: SearchResourceTable;
  search_term: SearchTermTable;
  search_reference: SearchReferenceTable;
  search_range: SearchRangeTable;
  search_text: SearchTextTable;
  search_snapshot: SearchSnapshotTable;
  signature: SignatureTable;
  signature_evidence: SignatureEvidenceTable;
  signing_certificate: SigningCertificateTable;
  dictionary: DictionaryTable;
  concept: ConceptTable;
}

/** What is indexed. `rid` grows with the order of creation and never changes, so pages are cut by it. */
interface SearchResourceTable {
  rid: GeneratedAlways<number>;
  /** keyed hash of tenant, type and id; what search_reference.target names */
  key: string;
  tenant: string;
  type: string;
  id: string;
  last_updated: number;
}

/** `term` is the keyed hash of tenant, type, parameter, form and value. */
interface SearchTermTable {
  term: string;
  rid: number;
}

/** `parameter` in these tables is the keyed hash of tenant, type and parameter, of a quantity with its unit. */
interface SearchReferenceTable {
  parameter: string;
  target: string;
  rid: number;
}

/** Dates in milliseconds, numbers and quantities; both ends inclusive. */
interface SearchRangeTable {
  parameter: string;
  low: number;
  high: number;
  rid: number;
}

/** Folded text of what names no person, and uris as they are. */
interface SearchTextTable {
  parameter: string;
  value: string;
  rid: number;
}

interface SearchSnapshotTable {
  id: string;
  tenant: string;
  rids: number[];
  expires_at: number;
}

/** `owner` in these tables is the keyed hash of a person, the same whatever they signed in as. */
interface SessionTable {
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
interface SessionTokenTable {
  /** keyed hash of the cookie's value */
  hash: string;
  session_id: string;
  issued_at: number;
  /** when a later token of the session was first used */
  retired_at: number | null;
}

/** One row per completed sign-in; outlives its session. */
interface SignInTable {
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

interface TermsAcceptanceTable {
  owner: string;
  version: string;
  at: number;
}

/** The last time that ФРМР confirmed a worker. */
interface WorkerVerificationTable {
  owner: string;
  at: number;
  /** sealed JSON */
  facts: Uint8Array;
}

interface OneTimeValueTable {
  /** keyed hash of the purpose and the value */
  hash: string;
  expires_at: number;
}

/** Answers that could not be mapped; places are in the clear, the answer is sealed. */
interface FailedMessageTable {
  id: string;
  at: number;
  tenant: string;
  request_id: string;
  system: string;
  operation: string;
  code: string;
  map: string | null;
  line: number | null;
  source_path: string | null;
  target_path: string | null;
  /** of the whole answer; the sealed one may be cut */
  bytes: number;
  content: Uint8Array;
}

interface ResourceTable {
  tenant: string;
  type: string;
  id: string;
  version: number;
  last_updated: number;
  deleted: boolean;
  /** id of the message that it was made from (meta.source), if any */
  source: string | null;
  /** sealed JSON under the subject's data key, or plain JSON of a public resource; null once deleted */
  content: Uint8Array | null;
  /** logical id of the person whose data it is, if any */
  subject: string | null;
}

interface ResourceHistoryTable extends ResourceTable {
  /** order of writing in all types and tenants */
  sequence: GeneratedAlways<number>;
}

/** Data that an operator must keep until a time. */
interface RetentionHoldTable {
  tenant: string;
  /** logical id of a person */
  subject: string;
  reason: string;
  until: number;
}

interface DataKeyTable {
  tenant: string;
  /** logical id of a person; empty: the tenant's own key */
  subject: string;
  /** the key-encryption key that wraps it; null once shredded */
  key_id: string | null;
  wrapped: Uint8Array | null;
  created_at: number;
  shredded_at: ColumnType<number | null, number | undefined, number>;
}

interface IdempotencyTable {
  /** keyed hash of the caller and the Idempotency-Key */
  key_mac: string;
  /** keyed hash of the route and the body */
  request_mac: string;
  /** who carries the request out; null once it is answered */
  holder: string | null;
  /** after this time another request may take over */
  lease_until: number;
  /** sealed; null until answered */
  answer: Uint8Array | null;
  expires_at: number;
}

interface IdentityMapTable {
  tenant: string;
  kind: string;
  value_mac: string;
  logical_id: string;
  value_sealed: Uint8Array;
  created_at: number;
}

/** Rows that were committed together; what the sealer links. */
interface JournalGroupTable {
  id: GeneratedAlways<number>;
  row_count: number;
  /** SHA-256 over the leaves of its rows, base64url */
  digest: string;
  /** keyed hash over count and digest */
  mac: string;
  /** a line for each row: its keyed hash, then its text */
  lines: string;
  /** place in commit order from 1, given by the sealer */
  position: ColumnType<number | null, never, number>;
  /** rows in all groups before this one */
  rows_before: ColumnType<number | null, never, number>;
  chain: ColumnType<string | null, never, string>;
}

/** A view: the lines of the groups, one row an access. */
interface JournalView {
  group_id: GeneratedAlways<number>;
  /** from 1 within the group */
  n: GeneratedAlways<number>;
  /** canonical text of the row: its bytes are what the hashes cover */
  row: GeneratedAlways<string>;
  mac: GeneratedAlways<string>;
}

/** The one row that says how far the journal is sealed. */
interface JournalHeadTable {
  id: Generated<number>;
  position: number;
  rows: number;
  chain: string;
  at: number;
  signature: string;
}

interface OutboxTable {
  id: string;
  tenant: string;
  system: string;
  kind: string;
  deduplication_id: string;
  state: "pending" | "delivered" | "dead";
  /** sealed JSON; dropped after delivery */
  payload: Uint8Array | null;
  attempts: Generated<number>;
  /** not before this time; a claim moves it to the end of its lease */
  due_at: number;
  created_at: number;
  finished_at: number | null;
  last_error: string | null;
}

/** What the watch over changes needs of a Subscription. */
interface SubscriptionTable {
  tenant: string;
  id: string;
  /** resource type of its topic */
  type: string;
  /** JSON array of queries */
  filters: string;
  state: "requested" | "active" | "error" | "off";
  heartbeat_seconds: number | null;
  ends_at: number | null;
  /** number of the last event */
  events: Generated<number>;
  /** when the subscriber last took a notification */
  sent_at: Generated<number>;
}

interface SubscriptionEventTable {
  tenant: string;
  subscription: string;
  number: number;
  resource_type: string;
  resource_id: string;
  version: number;
  interaction: "create" | "update" | "delete";
  at: number;
}

interface JobLeaseTable {
  job: string;
  holder: string;
  expires_at: number;
}

/** What a Consent in force says to decide(): logical ids and codes only. Withdrawn ones have no row. */
interface ConsentFactTable {
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
interface CareRelationTable {
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
interface RepresentationTable {
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
interface SignatureTable {
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
  /** sealed JSON: what is signed and why */
  terms: Uint8Array;
  /** sealed: the frozen bytes */
  content: Uint8Array;
  /** sealed: the signature as it came */
  container: Uint8Array | null;
}

interface SignatureEvidenceTable {
  signature_id: string;
  n: number;
  at: number;
  verdict: string;
  /** sealed JSON */
  report: Uint8Array;
}

interface SigningCertificateTable {
  /** logical id of the Practitioner */
  person: string;
  fingerprint: string;
  not_after: number;
  bound_at: number;
  lost_at: number | null;
  /** the last notice before its end was for so many days */
  noticed_days: number | null;
  /** sealed DER */
  certificate: Uint8Array;
  /** sealed JSON: where notices go */
  contact: Uint8Array | null;
}

/** The one code in force of a person, and how often they missed it. */
interface OneTimeCodeTable {
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
