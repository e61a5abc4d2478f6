import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
 * Reads what stands around a map file: `maps/*.csv`, `model.json`, and, for a map that imports, the other maps of its
 * folder and of `common/` beside the systems' folders. A few small files, read before anything runs: waiting for each in
 * turn would cost more than reading them.
 */
export function readSources(map: URL): MappingSources {
  const text = readFileSync(map, "utf8");
  const tables = readAll(new URL("maps/", map), ".csv");
  const model = existsSync(new URL("model.json", map))
    ? readFileSync(new URL("model.json", map), "utf8")
    : undefined;
  const others = /^\s*imports\s/m.test(text) ? readOthers(map) : [];
  return {
    text,
    tables,
    model,
    others,
    get digest() {
      return createHash("sha256")
        .update(JSON.stringify([text, tables, model, others]))
        .digest("hex");
    },
  };
}

function readOthers(map: URL): readonly string[] {
  const own = map.pathname.split("/").at(-1);
  const beside = readAll(new URL("./", map), ".fml").filter(([name]) => `${name}.fml` !== own);
  return [...beside, ...readAll(new URL("../../common/", map), ".fml")].map(([, content]) => content);
}

function readAll(folder: URL, ending: string): readonly (readonly [string, string])[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const wanted = names.filter((name) => name.endsWith(ending)).sort();
  return wanted.map((name) => [name.slice(0, -ending.length), readFileSync(new URL(name, folder), "utf8")]);
}

/** The parts of the sources, read: the tables, the model, the maps that may be imported. */
export function libraryOf({ tables, model, others }: MappingSources): {
  readonly models: readonly LogicalModel[];
  readonly conceptMaps: readonly ConceptMapTable[];
  readonly maps: readonly FmlMap[];
} {
  return {
    models: model === undefined ? [] : [JSON.parse(model) as LogicalModel],
    conceptMaps: tables.map(([name, csv]) => conceptMapFromCsv(name, csv)),
    maps: others.map((other) => parseMap(other)),
  };
}
