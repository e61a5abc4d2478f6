/** Runs once after an install, so that the first start is quick: maps are compiled, an empty database is made. */
import { readdirSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import { loadMapping } from "../src/fml/loader.ts";
import { seedFile } from "../src/store/pglite.ts";

const root = new URL("../", import.meta.url);

async function compileMaps(): Promise<void> {
  const files = readdirSync(new URL("mappings/", root), { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".fml")))
    await loadMapping(new URL(`mappings/${file}`, root));
}

async function makeSeed(): Promise<void> {
  const database = await PGlite.create("memory://");
  const dump = await database.dumpDataDir("none");
  await database.close();
  await mkdir(new URL("./", seedFile), { recursive: true });
  // another install of the same folder may read it meanwhile
  const draft = new URL(`${seedFile.href}.${process.pid}`);
  await writeFile(draft, new Uint8Array(await dump.arrayBuffer()));
  await rename(draft, seedFile);
}

await Promise.all([compileMaps(), makeSeed()]);
