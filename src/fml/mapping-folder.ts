import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { FmlMap } from "./ast.ts";
import type { ConceptMapTable } from "./concept-map.ts";
import { conceptMapFromCsv } from "./concept-map-csv.ts";
import type { LogicalModel } from "./logical-model.ts";
import { parseMap } from "./parser.ts";

/** The texts that a map compiles from, and one digest over all of them. */
export interface MappingSources {
  readonly text: string;
  readonly tables: readonly (readonly [name: string, csv: string])[];
  readonly model: string | undefined;
  readonly others: readonly string[];
  readonly digest: string;
}

/**
 * Reads what stands around a map file: `maps/*.csv`, `model.json`, and the other maps of its folder and of
 * `common/` beside the systems' folders, which it may import.
 */
export async function readSources(map: URL): Promise<MappingSources> {
  const text = await readFile(map, "utf8");
  const own = map.pathname.split("/").at(-1);
  const tables = await readAll(new URL("maps/", map), ".csv");
  const beside = (await readAll(new URL("./", map), ".fml")).filter(([name]) => `${name}.fml` !== own);
  const common = await readAll(new URL("../../common/", map), ".fml");
  const model = await readFile(new URL("model.json", map), "utf8").catch(() => undefined);
  const others = [...beside, ...common].map(([, content]) => content);
  const digest = createHash("sha256")
    .update(JSON.stringify([text, tables, model, others]))
    .digest("hex");
  return { text, tables, model, others, digest };
}

async function readAll(folder: URL, ending: string): Promise<readonly (readonly [string, string])[]> {
  const names = await readdir(folder).catch(() => []);
  const wanted = names.filter((name) => name.endsWith(ending)).sort();
  return Promise.all(
    wanted.map(
      async (name) => [name.slice(0, -ending.length), await readFile(new URL(name, folder), "utf8")] as const,
    ),
  );
}

/** The parts of the sources, read: the tables, the model, the maps that may be imported. */
export function libraryOf({ tables, model, others, text }: MappingSources): {
  readonly models: readonly LogicalModel[];
  readonly conceptMaps: readonly ConceptMapTable[];
  readonly maps: readonly FmlMap[];
} {
  const imports = /^\s*imports\s/m.test(text);
  return {
    models: model === undefined ? [] : [JSON.parse(model) as LogicalModel],
    conceptMaps: tables.map(([name, csv]) => conceptMapFromCsv(name, csv)),
    maps: imports ? others.map((other) => parseMap(other)) : [],
  };
}
