import type { SourceStatus } from "../core/source-status.ts";

/** Random logical ids of records that live in registries (decisions.md, logical ids). */
export interface Identities {
  idOf(kind: string, value: string): Promise<string>;
  find(id: string): Promise<{ kind: string; value: string } | undefined>;
}

/** A value with the state of each system that it was built from. */
export interface Answered<T> {
  value: T;
  sources: readonly SourceStatus[];
}
