import { compileFile } from "../../src/fml/builder.ts";

/**
 * Compiles one of the project's maps, the first thing that this process does: from files to the JavaScript of its converter,
 * types included. The form that also traces is timed by its own, for nothing waits for it but a build.
 */
const [map = ""] = process.argv.slice(2);
const build = new URL("../../build/", import.meta.url);
const milliseconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
const cpu = process.cpuUsage();
const start = performance.now();
const compiled = await compileFile(new URL(map), build);
const wallMs = performance.now() - start;
const cpuMs = milliseconds(process.cpuUsage(cpu));
const before = process.cpuUsage();
void compiled.code;
const tracedCpuMs = milliseconds(process.cpuUsage(before));
process.send?.({ wallMs, cpuMs, tracedCpuMs });
