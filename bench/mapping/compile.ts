import { compileFile } from "../../src/fml/builder.ts";

/** Compiles one of the project's maps, the first thing that this process does; reports the time with files and types. */
const [map = ""] = process.argv.slice(2);
const build = new URL("../../build/", import.meta.url);
const cpu = process.cpuUsage();
const start = performance.now();
await compileFile(new URL(map), build);
const wallMs = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
process.send?.({ wallMs, cpuMs: (user + system) / 1000 });
