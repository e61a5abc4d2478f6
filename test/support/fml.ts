import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compileMap } from "../../src/fml/compiler.ts";
import type { ConceptMapTable } from "../../src/fml/concept-map.ts";
import type { LogicalModel } from "../../src/fml/logical-model.ts";
import { linkModule, type MapModule, type Mapping } from "../../src/fml/module.ts";
import { parseMap } from "../../src/fml/parser.ts";
import { readR4Types } from "../../src/fml/r4-types.ts";
import type { RuntimeOptions } from "../../src/fml/runtime.ts";

export const types = await readR4Types(new URL("../../build/", import.meta.url));

export interface Around {
  readonly models?: readonly LogicalModel[];
  readonly conceptMaps?: readonly ConceptMapTable[];
  readonly imports?: readonly string[];
  readonly options?: RuntimeOptions;
}

/** What a map compiles against in tests: R4, and what the test hands in. */
export const libraryFor = ({ models, conceptMaps, imports = [] }: Around = {}) => ({
  types,
  ...(models === undefined ? {} : { models }),
  ...(conceptMaps === undefined ? {} : { conceptMaps }),
  maps: imports.map((text) => parseMap(text)),
});

const folder = mkdtempSync(join(tmpdir(), "fml-"));
let count = 0;

/** Imports generated code from a file, as the loader does: nothing is evaluated from a string. */
export async function importCode(code: string): Promise<MapModule> {
  count += 1;
  const file = join(folder, `map-${count}.mjs`);
  writeFileSync(file, code);
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as MapModule;
}

/** Compiles a map and makes it ready to run. */
export async function mappingOf(text: string, around: Around = {}): Promise<Mapping> {
  return linkModule(await importCode(compileMap(text, libraryFor(around)).code), around.options);
}
