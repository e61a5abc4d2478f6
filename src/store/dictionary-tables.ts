import type { GeneratedAlways } from "kysely";

/** One version of a dictionary of НСИ. */
export interface DictionaryTable {
  id: GeneratedAlways<number>;
  url: string;
  version: string;
  title: string;
  /** urls that mean the same dictionary */
  aliases: string[];
  hierarchical: boolean;
  /** how many it has */
  concepts: number;
  loaded_at: number;
  /** when НСИ last said that this is the newest version */
  checked_at: number;
  is_current: boolean;
  /** JSON: what changed since the version before */
  diff: string | null;
}

/** Days are ISO dates, both inclusive. */
export interface ConceptTable {
  dictionary: number;
  code: string;
  /** order in the dictionary */
  n: number;
  display: string;
  /** the display as searches compare it */
  folded: string;
  parent: string | null;
  starts: string | null;
  ends: string | null;
  /** false: withdrawn, whatever its days say */
  active: boolean;
}
