import { cases } from "./cases.ts";
import { type EngineName, engines } from "./engines.ts";

const minimumMs = 150;
const sink: unknown[] = [];

/** Nanoseconds a conversion, measured over a stretch of at least 150 ms. */
function measure(run: () => unknown): number {
  let count = 0;
  let elapsed = 0;
  let batch = 1;
  const start = performance.now();
  while (elapsed < minimumMs) {
    for (let i = 0; i < batch; i += 1) sink[i & 7] = run();
    count += batch;
    elapsed = performance.now() - start;
    if (elapsed < 10) batch *= 2;
  }
  return (elapsed / count) * 1e6;
}

const [engine = "compiled"] = process.argv.slice(2) as [EngineName?];
const begin = performance.now();
const runs: (() => unknown)[] = [];
let coldMs = 0;
for (const one of cases) {
  const convert = await engines[engine](one);
  runs.push(() => convert(one.source));
  if (one === cases[0]) {
    convert(one.source);
    coldMs = performance.now() - begin;
  }
}
process.send?.({ coldMs, results: runs.map((run) => run()) });
process.on("message", () => process.send?.({ nanoseconds: runs.map(measure) }));
