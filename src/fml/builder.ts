import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { type CompiledMap, compileMap } from "./compiler.ts";
import { libraryOf, type MappingSources, readSources } from "./mapping-folder.ts";
import { readR4Types } from "./r4-types.ts";

/** Compiles a map file with what stands around it. Throws FmlCompileError with all that is wrong. */
export async function compileFile(map: URL, buildFolder: URL): Promise<CompiledMap> {
  return compileSources(readSources(map), buildFolder);
}

async function compileSources(sources: MappingSources, buildFolder: URL): Promise<CompiledMap> {
  return compileMap(sources.text, { types: await readR4Types(buildFolder), ...libraryOf(sources) });
}

/**
 * Compiles a map file into an ES module at `output`, whose first line carries the digests of what it was made from;
 * returns that of the sources. Throws FmlCompileError with all that is wrong.
 */
export async function buildFile(map: URL, output: URL, buildFolder: URL): Promise<string> {
  const sources = readSources(map);
  const { code } = await compileSources(sources, buildFolder);
  await mkdir(new URL("./", output), { recursive: true });
  const draft = new URL(`${output.href}.${process.pid}`);
  await writeFile(draft, `${stamp(sources.digest, await compilerDigest())}\n${code}`);
  await rename(draft, output);
  return sources.digest;
}

const stamp = (sources: string, compiler: string) => `// sources ${sources} compiler ${compiler}`;

/** A digest of the compiler itself, so that a changed compiler makes its old output stale. */
export async function compilerDigest(): Promise<string> {
  const here = new URL("./", import.meta.url);
  const names = (await readdir(here)).filter((name) => /\.[jt]s$/.test(name) && !name.includes(".test."));
  const hash = createHash("sha256");
  for (const name of names.sort()) {
    hash.update(await readFile(new URL(name, here)));
  }
  return hash.digest("hex");
}
