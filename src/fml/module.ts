import { createRuntime, type RuntimeOptions } from "./runtime.ts";
import { type Note, type SiteRow, type TraceEntry, TraceRecorder } from "./runtime-trace.ts";

type Convert = (...sources: readonly unknown[]) => readonly unknown[];
type Create = ((runtime: ReturnType<typeof createRuntime>) => Convert) & {
  readonly sites: readonly SiteRow[];
};

/** What a compiled map's ES module exports. */
export interface MapModule {
  readonly map: { readonly url: string; readonly name: string };
  readonly create: Create;
  readonly createTraced: Create;
}

/** A map that is ready to run. `convert` throws MappingError, which names places and kinds, never values. */
export interface Mapping {
  readonly url: string;
  readonly name: string;
  convert(source: unknown, ...more: readonly unknown[]): unknown;
  trace(
    source: unknown,
    ...more: readonly unknown[]
  ): { readonly result: unknown; readonly trace: readonly TraceEntry[] };
}

/** Links a compiled module with the run-time library. The traced variant is linked when first asked for. */
export function linkModule(module: MapModule, options: RuntimeOptions = {}): Mapping {
  const { url, name } = module.map;
  const run = module.create(createRuntime(options));
  const recorder = new TraceRecorder(module.createTraced.sites);
  let traced: Convert | undefined;
  return {
    url,
    name,
    convert: (...sources) => run(...sources)[0],
    trace(...sources) {
      traced ??= module.createTraced(createRuntime(options, recorder));
      recorder.take();
      const [result] = traced(...sources);
      return new TracedResult(result, recorder, recorder.take());
    },
  };
}

/** A result with its trace, whose paths become text only when somebody reads them. */
class TracedResult {
  readonly result: unknown;
  readonly #recorder: TraceRecorder;
  readonly #notes: readonly Note[];

  constructor(result: unknown, recorder: TraceRecorder, notes: readonly Note[]) {
    this.result = result;
    this.#recorder = recorder;
    this.#notes = notes;
  }

  get trace(): readonly TraceEntry[] {
    return this.#recorder.entries(this.#notes, this.result, rootName(this.result));
  }
}

function rootName(result: unknown): string {
  const type = (result as { resourceType?: unknown } | undefined)?.resourceType;
  return typeof type === "string" ? type : "result";
}
