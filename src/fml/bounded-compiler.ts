import { once } from "node:events";
import { type ResourceLimits, Worker } from "node:worker_threads";
import type { Clock } from "../core/clock.ts";
import type { CompileOutcome, CompileTask } from "./compile-worker.ts";

/** What one compilation may take: the heap and the stack of its thread, and time. */
export interface CompileLimits extends ResourceLimits {
  readonly milliseconds: number;
}

const usualLimits: CompileLimits = {
  maxOldGenerationSizeMb: 256,
  maxYoungGenerationSizeMb: 32,
  stackSizeMb: 4,
  milliseconds: 10_000,
};

/** Compiles maps, one at a time, in a thread that is ended when a map takes too much memory or time. */
export class BoundedCompiler {
  readonly #clock: Clock;
  readonly #limits: CompileLimits;
  #worker: Worker | undefined;

  constructor(clock: Clock, limits: Partial<CompileLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...usualLimits, ...limits };
  }

  /** Never rejects: a compilation that was ended is a failure in words like any other. */
  async compile(task: CompileTask): Promise<CompileOutcome> {
    try {
      this.#worker ??= await startWorker(this.#limits);
      const answer = once(this.#worker, "message");
      this.#worker.postMessage(task);
      const [outcome] = await this.#inTime(answer);
      return outcome as CompileOutcome;
    } catch (error) {
      await this.close();
      return { failure: `the compiler was stopped: ${error instanceof Error ? error.message : error}` };
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { milliseconds } = this.#limits;
    const answered = new AbortController();
    const late = this.#clock.sleep(milliseconds, answered.signal).then(() => {
      throw new Error(`no result within ${milliseconds} ms`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([answer, late]);
    } finally {
      answer.catch(() => {});
      answered.abort();
    }
  }
}

async function startWorker({ milliseconds: _, ...resourceLimits }: CompileLimits): Promise<Worker> {
  const worker = workerOf({ resourceLimits, name: "map-compiler", execArgv: [] });
  worker.unref();
  await once(worker, "message");
  // the end of a thread that is asked nothing concerns nobody
  worker.on("error", () => {});
  return worker;
}

function workerOf(options: object): Worker {
  const here = import.meta.url;
  if (!here.endsWith(".ts")) return new Worker(new URL("./compile-worker.js", here), options);
  // a thread does not inherit tsx, and on Node 20 `--import tsx` does nothing in one: load it first
  const tsx = import.meta.resolve("tsx/esm/api");
  const source = new URL("./compile-worker.ts", here).href;
  const bootstrap = `import("${tsx}").then((tsx) => { tsx.register(); return import("${source}"); })`;
  return new Worker(bootstrap, { ...options, eval: true });
}
