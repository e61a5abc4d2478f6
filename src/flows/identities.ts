import type { Kysely } from "kysely";
import type { SourceStatus } from "../core/source-status.ts";
import type { Schema } from "../store/schema.ts";

/** Random logical ids of records that live in registries (decisions.md, logical ids). */
export interface Identities {
  idOf(kind: string, value: string): Promise<string>;
  find(id: string): Promise<{ kind: string; value: string } | undefined>;
}

/** The same, and what this process remembers of an id. */
export interface KnownIdentities extends Identities {
  known(id: string): { kind: string; value: string } | undefined;
}

/** The same within a transaction. */
export interface StoredIdentities extends KnownIdentities {
  find(id: string, trx?: Kysely<Schema>): Promise<{ kind: string; value: string } | undefined>;
  /** undefined for a value that has no id yet; reads in the transaction given, and makes none */
  knownIdOf(trx: Kysely<Schema>, kind: string, value: string): Promise<string | undefined>;
}

/** A value with the state of each system that it was built from. */
export interface Answered<T> {
  value: T;
  sources: readonly SourceStatus[];
}
