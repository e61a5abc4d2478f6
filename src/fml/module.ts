import { MappingError } from "./errors.ts";
import { createRuntime, type RuntimeOptions } from "./runtime.ts";
import { type Recording, type SiteRow, TraceRecorder } from "./runtime-trace.ts";
import type { TraceEntry } from "./trace-entry.ts";

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
  function trace(...sources: readonly unknown[]) {
    traced ??= module.createTraced(createRuntime(options, recorder));
    try {
      const [result] = traced(...sources);
      return new TracedResult(recorder, recorder.take(), result);
    } catch (error) {
      const begun = new TracedResult(recorder, recorder.take());
      throw error instanceof MappingError ? error.tracedBy(() => begun.trace) : error;
    }
  }
  return {
    url,
    name,
    convert(...sources) {
      try {
        return run(...sources)[0];
      } catch (error) {
        throw error instanceof MappingError ? error.tracedBy(() => writtenBy(trace, sources)) : error;
      }
    },
    trace,
  };
}

function writtenBy(trace: Mapping["trace"], [source, ...more]: readonly unknown[]): readonly TraceEntry[] {
  try {
    return trace(source, ...more).trace;
  } catch (error) {
    return error instanceof MappingError ? error.written : [];
  }
}

/** A result with its trace, whose paths become text only when somebody reads them. */
class TracedResult {
  readonly result: unknown;
  readonly #recorder: TraceRecorder;
  readonly #recording: Recording;

  constructor(recorder: TraceRecorder, recording: Recording, result?: unknown) {
    this.result = result;
    this.#recorder = recorder;
    this.#recording = recording;
  }

  get trace(): readonly TraceEntry[] {
    return this.#recorder.entries(this.#recording);
  }
}
