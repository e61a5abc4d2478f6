import { readFile } from "node:fs/promises";
import { readSources } from "./mapping-folder.ts";
import { linkModule, type MapModule, type Mapping } from "./module.ts";
import type { RuntimeOptions } from "./runtime.ts";

/** A mapping with the digest of its sources and of the compiler: what it makes is the same while this is. */
export interface LoadedMapping extends Mapping {
  readonly digest: string;
}

interface Stamped {
  readonly module: MapModule;
  readonly digest: string;
}

const loaded = new Map<string, Promise<Stamped>>();

/**
 * Loads the compiled form of a map file `mappings/<system>/<message>/<direction>.fml` from
 * `build/mappings/<system>/<message>/<direction>.js`. A missing or stale module is compiled first; a process that finds
 * fresh modules never loads the compiler. Throws FmlCompileError if the map does not compile.
 */
export async function loadMapping(map: URL, options: RuntimeOptions = {}): Promise<LoadedMapping> {
  const key = map.href;
  const stamped = loaded.get(key) ?? importModule(map);
  loaded.set(key, stamped);
  try {
    const { module, digest } = await stamped;
    return { ...linkModule(module, options), digest };
  } catch (error) {
    loaded.delete(key);
    throw error;
  }
}

async function importModule(map: URL): Promise<Stamped> {
  const build = new URL("../../../build/", map);
  const path = map.pathname
    .split("/")
    .slice(-3)
    .join("/")
    .replace(/\.fml$/, ".js");
  const output = new URL(`mappings/${path}`, build);
  const { digest } = await readSources(map);
  if (!(await isFresh(output, digest))) {
    const { buildFile } = await import("./builder.ts");
    await buildFile(map, output, build);
  }
  const module = (await import(`${output.href}?${digest.slice(0, 16)}`)) as MapModule;
  const { compiler } = await stampOf(output);
  return { module, digest: `${digest} ${compiler}` };
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
