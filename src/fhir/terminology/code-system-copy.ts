import type { Concept, ConceptQuery, Dictionaries, DictionaryRow } from "../../store/dictionaries.ts";

/** One version of a code system, wherever its concepts are. */
export interface CodeSystemCopy {
  readonly url: string;
  readonly version: string | undefined;
  readonly title: string;
  readonly hierarchical: boolean;
  readonly count: number;
  /** of a copy: when its source last said that this version is the newest; milliseconds */
  readonly asOf: number | undefined;
  concept(code: string): Promise<Concept | undefined>;
  search(query: ConceptQuery): Promise<{ total: number; concepts: readonly Concept[] }>;
  /** the code and all below it */
  subtree(code: string): Promise<readonly string[]>;
  /** the code and all above it, the nearest first */
  ancestors(code: string): Promise<readonly string[]>;
}

/** A dictionary of НСИ from the store. */
export function storedCopy(store: Dictionaries, row: DictionaryRow): CodeSystemCopy {
  const { id, url, version, title, hierarchical, concepts, checked_at } = row;
  return {
    url,
    version,
    title,
    hierarchical,
    count: concepts,
    asOf: checked_at,
    concept: (code) => store.concept(id, code),
    search: (query) => store.search(id, query),
    subtree: (code) => store.subtree(id, code),
    ancestors: (code) => store.ancestors(id, code),
  };
}
