import type { ConceptMapEntry, ConceptMapGroup, ConceptMapTable, Unmapped } from "./concept-map.ts";

const header = "sourceSystem,source,targetSystem,target,display";

interface MutableGroup {
  readonly source: string;
  readonly target: string;
  readonly entries: ConceptMapEntry[];
  unmapped?: Unmapped;
}

/**
 * Reads a code table: a header `sourceSystem,source,targetSystem,target,display`, then one row for each code. The
 * source `*` says what becomes of all other codes: the target `=` keeps them, another target stands for all of them.
 * `name` is the file's name without its ending; maps refer to the table as `#name`. Throws RangeError with the line.
 */
export function conceptMapFromCsv(name: string, text: string): ConceptMapTable {
  const [first, ...lines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (first !== header) {
    throw new RangeError(`${name}.csv:1 must begin with ${header}`);
  }
  const groups = new Map<string, MutableGroup>();
  const given = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (line !== "") {
      addRow(groups, given, readRow(line), `${name}.csv:${index + 2}`);
    }
  }
  return { url: `#${name}`, groups: [...groups.values()] satisfies ConceptMapGroup[] };
}

function addRow(
  groups: Map<string, MutableGroup>,
  given: Set<string>,
  row: readonly string[],
  place: string,
): void {
  const [source = "", code = "", target = "", to = "", display = ""] = row;
  if (row.length < 4 || code === "" || to === "") {
    throw new RangeError(`${place} must have a source and a target code`);
  }
  const key = JSON.stringify([source, target]);
  const group = groups.get(key) ?? { source, target, entries: [] };
  groups.set(key, group);
  if (code !== "*") {
    const size = given.size;
    if (given.add(key + code).size === size) {
      throw new RangeError(`${place} gives the code of an earlier row`);
    }
    group.entries.push({ code, target: to, ...(display === "" ? {} : { display }) });
    return;
  }
  const named = display === "" ? {} : { display };
  group.unmapped = to === "=" ? { mode: "provided" } : { mode: "fixed", code: to, ...named };
}

function readRow(line: string): readonly string[] {
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...cells].map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}
