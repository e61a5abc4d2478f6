import type { Generated, GeneratedAlways } from "kysely";

/** Tables of what is found and told of stored resources. */

/** What is indexed. `rid` grows with the order of creation and never changes, so pages are cut by it. */
export interface SearchResourceTable {
  rid: GeneratedAlways<number>;
  /** keyed hash of tenant, type and id; what search_reference.target names */
  key: string;
  tenant: string;
  type: string;
  id: string;
  last_updated: number;
}

/** `term` is the keyed hash of tenant, type, parameter, form and value. */
export interface SearchTermTable {
  term: string;
  rid: number;
}

/** `parameter` in these tables is the keyed hash of tenant, type and parameter, of a quantity with its unit. */
export interface SearchReferenceTable {
  parameter: string;
  target: string;
  rid: number;
}

/** Dates in milliseconds, numbers and quantities; both ends inclusive. */
export interface SearchRangeTable {
  parameter: string;
  low: number;
  high: number;
  rid: number;
}

/** Folded text of what names no person, and uris as they are. */
export interface SearchTextTable {
  parameter: string;
  value: string;
  rid: number;
}

export interface SearchSnapshotTable {
  id: string;
  tenant: string;
  rids: number[];
  expires_at: number;
}

/** What the watch over changes needs of a Subscription. */
export interface SubscriptionTable {
  tenant: string;
  id: string;
  /** resource type of its topic */
  type: string;
  /** JSON array of queries */
  filters: string;
  state: "requested" | "active" | "error" | "off";
  heartbeat_seconds: number | null;
  ends_at: number | null;
  /** JSON of the actor who asked; null: of a time when nobody was noted */
  owner: string | null;
  /** number of the last event */
  events: Generated<number>;
  /** when the subscriber last took a notification */
  sent_at: Generated<number>;
}

export interface SubscriptionEventTable {
  tenant: string;
  subscription: string;
  number: number;
  resource_type: string;
  resource_id: string;
  version: number;
  interaction: "create" | "update" | "delete";
  at: number;
}

/** How old the copy of a registry is; `whole_at` is when all of it was last read. */
export interface RegistryCopyTable {
  registry: string;
  copied_at: number;
  whole_at: number;
}

/** A resource of the copy. `owner` is the logical id of the record of the registry that it came with. */
export interface RegistryRecordTable {
  owner: string;
  type: string;
  id: string;
  registry: string;
  seen_at: number;
}
