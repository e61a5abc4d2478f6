import { readFile } from "node:fs/promises";
import { arch, cpus, release } from "node:os";
import { type ReadFigures, readFigures, rounds } from "./http/reads.ts";
import type { Spread } from "./trust/spread.ts";

const fastifyVersion = JSON.parse(
  await readFile(new URL("../node_modules/fastify/package.json", import.meta.url), "utf8"),
).version as string;

/** What one request costs with every layer on, over fastify alone; and how long the gateway starts, how much it holds. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const report = reportOf(await readFigures());
  console.log(json ? JSON.stringify(report, null, 2) : textOf(report));
}

function reportOf({ ratios: { rate, cpu }, ...figures }: ReadFigures) {
  return {
    bench: "http",
    ratios: {
      cachedReadVsBareFastify: rate.cachedRead,
      cachedReadVsBareFastifyByCpu: cpu.cachedRead,
      notModifiedVsBareFastify: rate.notModified,
      notModifiedVsBareFastifyByCpu: cpu.notModified,
    },
    ...figures,
    rounds,
    versions: { node: process.version, fastify: fastifyVersion },
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, system: `${release()} ${arch()}` },
    store: process.env.DATABASE_URL ? "PostgreSQL" : "PGlite",
  };
}

function textOf(report: ReturnType<typeof reportOf>): string {
  const told = ({ median, min, max }: Spread) => `${median} (${min} .. ${max})`;
  return [
    ...Object.entries(report.ratios).map(([name, ratio]) => `ratios.${name} ${told(ratio)}`),
    ...Object.entries(report.subjects).map(
      ([name, { perSecond, cpuMicrosPerRequest, p99Ms }]) =>
        `${name}: ${told(perSecond)} req/s, ${told(cpuMicrosPerRequest)} µs CPU a request, p99 ${told(p99Ms)} ms`,
    ),
    `${report.answered} answers, ${report.journalRows} journal rows in the store, ${report.spans} spans at the collector`,
    `start ${report.startMs} ms, at rest ${report.restMegabytes} MB`,
    `Node ${report.versions.node}, fastify ${report.versions.fastify}, ${report.store}, ${report.machine.cores} x ${report.machine.cpu}`,
  ].join("\n");
}
