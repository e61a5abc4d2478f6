/** Runs once after an install, so that the first start is quick: maps are compiled, an empty database is made. */
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { loadMapping } from "../src/fml/loader.ts";
import { openDatabase } from "../src/store/database.ts";
import { seedFile } from "../src/store/pglite.ts";

const root = new URL("../", import.meta.url);

async function compileMaps(): Promise<void> {
  const files = readdirSync(new URL("mappings/", root), { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".fml")))
    await loadMapping(new URL(`mappings/${file}`, root));
}

async function makeSeed(): Promise<void> {
  const build = new URL("./", seedFile);
  await mkdir(build, { recursive: true });
  for (const name of await readdir(build))
    if (/^pglite-seed.*\.tar$/.test(name) && !seedFile.href.endsWith(name))
      await rm(new URL(name, build), { force: true });
  // another install of the same folder may read it meanwhile
  const draft = new URL(`${seedFile.href}.${process.pid}`);
  await writeFile(draft, await newestSchema());
  await rename(draft, seedFile);
}

/** The data folder, as a tar file, of an empty database of the newest schema. */
async function newestSchema(): Promise<Uint8Array> {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-seed-"));
  try {
    await (await openDatabase({ dataDir })).close();
    const database = await PGlite.create(join(dataDir, "pg"));
    const dump = await database.dumpDataDir("none");
    await database.close();
    return new Uint8Array(await dump.arrayBuffer());
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

await Promise.all([compileMaps(), makeSeed()]);
