import { readdirSync } from "node:fs";

/** What every `bench/<name>.ts` exports as `run`. */
type Bench = { run(options: { json: boolean }): Promise<void> };

const here = new URL("./", import.meta.url);
const names = readdirSync(here)
  .filter((file) => /^[a-z-]+\.ts$/.test(file) && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length));

const [name, ...flags] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- <${names.join("|")}> [--json]`);
  process.exit(2);
}
const bench = (await import(new URL(`${name}.ts`, here).href)) as Bench;
await bench.run({ json: flags.includes("--json") });
