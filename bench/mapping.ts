import { deepStrictEqual } from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { messages } from "../scripts/mapping-folder.ts";
import { cases } from "./mapping/cases.ts";
import { buildMaps, type EngineName } from "./mapping/engines.ts";

const rounds = 7;
const names: readonly EngineName[] = ["compiled", "traced", "handWritten", "medplum", "pipe", "fxpMedplum"];

interface Started {
  readonly coldMs: number;
  readonly results: readonly unknown[];
}
interface Measured {
  readonly nanoseconds: readonly number[];
}
interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

async function start(name: EngineName): Promise<Started & { readonly child: ChildProcess }> {
  const file = fileURLToPath(new URL("mapping/worker.ts", import.meta.url));
  const child = fork(file, [name], { execArgv: ["--import", "tsx"], serialization: "advanced" });
  child.once("exit", (code) => {
    if (code) throw new Error(`the engine ${name} ended with ${code}`);
  });
  const [started] = (await once(child, "message")) as [Started];
  return { ...started, child };
}

async function measure(child: ChildProcess): Promise<readonly number[]> {
  child.send("measure");
  const [{ nanoseconds }] = (await once(child, "message")) as [Measured];
  return nanoseconds;
}

function summary(values: readonly number[]): Ratio {
  const sorted = [...values].sort((a, b) => a - b);
  const round = (value: number | undefined) => Number((value ?? 0).toPrecision(3));
  return {
    median: round(sorted[Math.floor(sorted.length / 2)]),
    min: round(sorted[0]),
    max: round(sorted.at(-1)),
  };
}

// the mean of three maps of different size is geometric, so that none of them outweighs the others
const mean = (values: readonly number[]) =>
  Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
const ratio = (slow: readonly number[], fast: readonly number[]) =>
  mean(slow.map((ns, i) => ns / (fast[i] ?? ns)));

async function coldRounds(): Promise<Ratio> {
  const values: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const ours = await start("compiled");
    const theirs = await start("medplum");
    ours.child.kill();
    theirs.child.kill();
    values.push(theirs.coldMs / ours.coldMs);
  }
  return summary(values);
}

interface Compiled {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** on top, for the form that traces */
  readonly tracedCpuMs: number;
}
type CompileTimes = Readonly<Record<keyof Compiled, Ratio>>;

async function compileOnce(map: URL): Promise<Compiled> {
  const file = fileURLToPath(new URL("mapping/compile.ts", import.meta.url));
  const child = fork(file, [map.href], { execArgv: ["--import", "tsx"] });
  const [compiled] = (await once(child, "message")) as [Compiled];
  return compiled;
}

// each map of the project, each time in a process that has compiled nothing yet
async function coldCompiles(): Promise<Readonly<Record<string, CompileTimes>>> {
  const maps = messages().flatMap(({ name, folder, directions }) =>
    directions.map((direction) => [`${name} ${direction}`, new URL(`${direction}.fml`, folder)] as const),
  );
  const times: Record<string, CompileTimes> = {};
  for (const [name, map] of maps) {
    const compiled: Compiled[] = [];
    for (let i = 0; i < rounds; i += 1) compiled.push(await compileOnce(map));
    times[name] = {
      wallMs: summary(compiled.map(({ wallMs }) => wallMs)),
      cpuMs: summary(compiled.map(({ cpuMs }) => cpuMs)),
      tracedCpuMs: summary(compiled.map(({ tracedCpuMs }) => tracedCpuMs)),
    };
  }
  return times;
}

// outputs are the same before anything is timed; pipes give the first one as text
function checkSame([compiled = [], ...others]: readonly (readonly unknown[])[]): void {
  for (const other of others) {
    const isText = typeof other[0] === "string";
    deepStrictEqual(
      isText ? [JSON.parse(String(other[0]))] : other,
      isText ? compiled.slice(0, 1) : compiled,
    );
  }
}

/** Compiled maps against hand-written code and medplum's interpreter: `npm run bench -- mapping [--json]`. */
export async function run({ json }: { json: boolean }): Promise<void> {
  await buildMaps();
  const engines = await Promise.all(names.map((name) => start(name)));
  checkSame(engines.map(({ results }) => results));
  for (const { child } of engines) await measure(child);
  const table: Record<EngineName, readonly number[]>[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const row: Partial<Record<EngineName, readonly number[]>> = {};
    for (const [index, { child }] of engines.entries())
      row[names[index] as EngineName] = await measure(child);
    table.push(row as Record<EngineName, readonly number[]>);
  }
  for (const { child } of engines) child.kill();
  const figures = {
    warmVsHandWritten: summary(table.map((row) => ratio(row.handWritten, row.compiled))),
    warmVsMedplum: summary(table.map((row) => ratio(row.medplum, row.compiled))),
    traceVsMedplum: summary(table.map((row) => ratio(row.medplum, row.traced))),
    pipeVsFxpMedplum: summary(table.map((row) => ratio(row.fxpMedplum, row.pipe))),
    coldVsMedplum: await coldRounds(),
    compileMs: await coldCompiles(),
    nanoseconds: Object.fromEntries(
      names.map((name) => [
        name,
        Object.fromEntries(
          cases
            .slice(0, table[0]?.[name].length)
            .map((one, i) => [one.name, summary(table.map((row) => row[name][i] ?? 0)).median]),
        ),
      ]),
    ),
    node: process.version,
    cpu: cpus()[0]?.model,
  };
  if (json) console.log(JSON.stringify(figures));
  else console.dir(figures, { depth: null });
}
