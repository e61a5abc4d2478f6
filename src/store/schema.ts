import type { ColumnType, Generated, GeneratedAlways } from "kysely";
import type { ConceptTable, DictionaryTable } from "./dictionary-tables.ts";
import type {
  CareRelationTable,
  ConsentFactTable,
  OneTimeCodeTable,
  OneTimeValueTable,
  RepresentationTable,
  RevocationAnswerTable,
  SessionTable,
  SessionTokenTable,
  SignatureEvidenceTable,
  SignatureTable,
  SignInTable,
  SigningCertificateTable,
  TermsAcceptanceTable,
  WorkerVerificationTable,
} from "./schema-people.ts";
import type {
  RegistryCopyTable,
  RegistryRecordTable,
  SearchRangeTable,
  SearchReferenceTable,
  SearchResourceTable,
  SearchSnapshotTable,
  SearchTermTable,
  SearchTextTable,
  SubscriptionEventTable,
  SubscriptionTable,
} from "./schema-search.ts";

/** Times are milliseconds since the epoch in int8 columns: equal on both engines and free of zones. */
export interface Schema {
  resource: ResourceTable;
  resource_history: ResourceHistoryTable;
  data_key: DataKeyTable;
  retention_hold: RetentionHoldTable;
  root_key: RootKeyTable;
  identity_map: IdentityMapTable;
  journal_group: JournalGroupTable;
  journal: JournalView;
  journal_head: JournalHeadTable;
  journal_entry: JournalEntryTable;
  journal_hour: JournalHourTable;
  journal_index: JournalIndexTable;
  outbox: OutboxTable;
  job_lease: JobLeaseTable;
  deferred_request: DeferredRequestTable;
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
  registry_copy: RegistryCopyTable;
  registry_record: RegistryRecordTable;
  search_resource: SearchResourceTable;
  search_term: SearchTermTable;
  search_reference: SearchReferenceTable;
  search_range: SearchRangeTable;
  search_text: SearchTextTable;
  search_snapshot: SearchSnapshotTable;
  signature: SignatureTable;
  signature_evidence: SignatureEvidenceTable;
  signing_certificate: SigningCertificateTable;
  revocation_answer: RevocationAnswerTable;
  dictionary: DictionaryTable;
  concept: ConceptTable;
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

/** One row: what every key of the installation is derived from. */
interface RootKeyTable {
  id: number;
  /** under the master key; null: the first master key is itself the root key */
  wrapped: Uint8Array | null;
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
  /** of its group in the chain; null: not sealed yet */
  position: GeneratedAlways<number | null>;
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

/** Which groups hold rows of a person, a caller, a request or an organisation. */
interface JournalEntryTable {
  /** keyed hash */
  key: string;
  in_group: number;
}

/** Rows of an hour that are alike, counted; and between which groups they lie. */
interface JournalHourTable {
  /** hours since the epoch */
  hour: number;
  tenant: string;
  /** "" where the rows say none, as of their holder */
  organization: string;
  holder: string;
  action: string;
  resource_type: string;
  outcome: string;
  count: number;
  first_group: number;
  last_group: number;
}

/** The one row that says up to which sealed group entries and hours go. */
interface JournalIndexTable {
  id: Generated<number>;
  position: number;
  /** in all groups up to that one */
  rows: number;
  /** groups of before migration 049 up to this one are listed and counted by organisation and holder too */
  placed: Generated<number>;
  /** the last of them */
  unplaced_until: Generated<number>;
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
  /** leases in a row that ended without a word of their worker, with the one that is running */
  silent_leases: Generated<number>;
  /** an operator made it due anew then: its time to be delivered counts from here */
  replayed_at: number | null;
  /** not before this time; a claim moves it to the end of its lease */
  due_at: number;
  created_at: number;
  finished_at: number | null;
  last_error: string | null;
}

interface DeferredRequestTable {
  id: string;
  tenant: string;
  /** keyed hash of the client system: what is counted */
  client: string;
  /** keyed hash of who may see it: caller and scopes */
  owner: string;
  repeatable: boolean;
  state: "queued" | "running" | "done";
  attempts: Generated<number>;
  created_at: number;
  /** not before this time; of a running one the end of its worker's lease */
  due_at: number;
  expires_at: number;
  /** logical ids of the patients whom the answer tells of; of one, their key seals it, else the tenant's own */
  subjects: string[];
  /** sealed; null once it is answered */
  request: Uint8Array | null;
  /** sealed; null until answered */
  answer: Uint8Array | null;
}

interface JobLeaseTable {
  job: string;
  holder: string;
  expires_at: number;
}
