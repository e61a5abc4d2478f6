import type { ConceptMapDeclaration } from "./ast.ts";

/** One code and what it becomes. */
export interface ConceptMapEntry {
  readonly code: string;
  readonly target: string;
  readonly display?: string;
}

/** What to do with a code that has no row: keep it, or put a fixed one in its place. Without it, an error. */
export type Unmapped =
  | { readonly mode: "provided" }
  | { readonly mode: "fixed"; readonly code: string; readonly display?: string };

export interface ConceptMapGroup {
  readonly source?: string;
  readonly target?: string;
  readonly entries: readonly ConceptMapEntry[];
  readonly unmapped?: Unmapped;
}

/** A ConceptMap as the compiler takes it, contained in a map or handed in from a table. */
export interface ConceptMapTable {
  readonly url: string;
  readonly groups: readonly ConceptMapGroup[];
}

/** The table of a `conceptmap` declaration. */
export function tableOf(declaration: ConceptMapDeclaration): ConceptMapTable {
  const groups = new Map<string, { source: string; target: string; entries: ConceptMapEntry[] }>();
  for (const { source, target } of declaration.pairs) {
    const key = JSON.stringify([source.system, target.system]);
    const group = groups.get(key) ?? { source: source.system, target: target.system, entries: [] };
    group.entries.push({ code: source.code, target: target.code });
    groups.set(key, group);
  }
  return {
    url: declaration.url,
    groups: [...groups.values()].map((group) =>
      declaration.unmapped.has(group.source) ? { ...group, unmapped: { mode: "provided" } } : group,
    ),
  };
}
