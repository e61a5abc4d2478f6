import { cases } from "./cases.ts";
import { type EngineName, engines, pipes } from "./engines.ts";

const minimumMs = 150;
const sink: unknown[] = [];

// CPU time, not the clock: the neighbours on a shared machine take turns, they do not add work
function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** Nanoseconds of CPU a conversion, measured over a stretch of at least 150 ms of it. */
function measure(run: () => unknown): number {
  let count = 0;
  let elapsed = 0;
  let batch = 1;
  const start = process.cpuUsage();
  while (elapsed < minimumMs) {
    for (let i = 0; i < batch; i += 1) sink[i & 7] = run();
    count += batch;
    elapsed = cpuMs(start);
    if (elapsed < 10) batch *= 2;
  }
  return (elapsed / count) * 1e6;
}

const [engine = "compiled"] = process.argv.slice(2) as [EngineName?];
const begin = process.cpuUsage();
const runs: (() => unknown)[] = [];
let coldMs = 0;
for (const one of pipes.has(engine) ? cases.slice(0, 1) : cases) {
  const convert = await engines[engine](one);
  runs.push(() => convert(one.source));
  if (one === cases[0]) {
    convert(one.source);
    coldMs = cpuMs(begin);
  }
}
process.send?.({ coldMs, results: runs.map((run) => run()) });
process.on("message", () => process.send?.({ nanoseconds: runs.map(measure) }));
