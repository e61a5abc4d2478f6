import { readFile } from "node:fs/promises";
import { readSources } from "./mapping-folder.ts";
import { linkModule, type MapModule, type Mapping } from "./module.ts";

/** A mapping with the digest of its sources and of the compiler: what it makes is the same while this is. */
export interface LoadedMapping extends Mapping {
  readonly digest: string;
}

const loaded = new Map<string, Promise<LoadedMapping>>();

/**
 * Loads the compiled form of a map file `mappings/<system>/<message>/<direction>.fml` from
 * `build/mappings/<system>/<message>/<direction>.js`. A missing or stale module is compiled first; a process that finds
 * fresh modules never loads the compiler. Throws FmlCompileError if the map does not compile.
 */
export async function loadMapping(map: URL): Promise<LoadedMapping> {
  const key = map.href;
  const mapping = loaded.get(key) ?? buildAndImport(map);
  loaded.set(key, mapping);
  try {
    return await mapping;
  } catch (error) {
    loaded.delete(key);
    throw error;
  }
}

/** Whoever holds the map's mapping converts from now on with the module that was built from these sources. */
export async function swapModule(map: URL, sources: string): Promise<void> {
  const mapping = await loaded.get(map.href)?.catch(() => undefined);
  if (mapping !== undefined) {
    Object.assign(mapping, await importModule(outputOf(map).output, sources));
  }
}

/** Where a map's module stands, and the build folder that it is in. */
export function outputOf(map: URL): { readonly output: URL; readonly build: URL } {
  const build = new URL("../../../build/", map);
  const path = map.pathname
    .split("/")
    .slice(-3)
    .join("/")
    .replace(/\.fml$/, ".js");
  return { output: new URL(`mappings/${path}`, build), build };
}

async function buildAndImport(map: URL): Promise<LoadedMapping> {
  const { output, build } = outputOf(map);
  const { digest } = readSources(map);
  if (!(await isFresh(output, digest))) {
    const { buildFile } = await import("./builder.ts");
    await buildFile(map, output, build);
  }
  return importModule(output, digest);
}

async function importModule(output: URL, sources: string): Promise<LoadedMapping> {
  const module = (await import(`${output.href}?${sources.slice(0, 16)}`)) as MapModule;
  const { compiler } = await stampOf(output);
  return { ...linkModule(module), digest: `${sources} ${compiler}` };
}

// a deployed build keeps its modules; only a development tree, where the compiler is TypeScript, looks at the compiler
async function isFresh(output: URL, digest: string): Promise<boolean> {
  const { sources, compiler } = await stampOf(output);
  if (sources !== digest || !import.meta.url.endsWith(".ts")) {
    return sources === digest;
  }
  const { compilerDigest } = await import("./builder.ts");
  return compiler === (await compilerDigest());
}

async function stampOf(output: URL): Promise<{ sources?: string; compiler?: string }> {
  const [stamp = ""] = (await readFile(output, "utf8").catch(() => "")).split("\n", 1);
  const [, sources, compiler] = /^\/\/ sources (\w+) compiler (\w+)$/.exec(stamp) ?? [];
  return { sources, compiler };
}
