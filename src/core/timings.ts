import { isGatewayError } from "./errors.ts";

/**
 * Timings of one request, kept flat and cheap for every request; spans are made from them only for
 * requests worth keeping (tail sampling). Times are `performance.now()` milliseconds.
 */
export interface Timing {
  name: string;
  startMs: number;
  endMs: number;
  attributes?: Readonly<Record<string, string | number | boolean>>;
}

export class Timings {
  readonly startMs = performance.now();
  readonly entries: Timing[] = [];

  /** Notes how long the work took and, where it throws, the error's code as `error.type`. */
  async measure<T>(name: string, work: () => Promise<T>, attributes?: Timing["attributes"]): Promise<T> {
    const startMs = performance.now();
    let failed: Timing["attributes"];
    try {
      return await work();
    } catch (error) {
      failed = { ...attributes, "error.type": errorTypeOf(error) };
      throw error;
    } finally {
      this.entries.push({ name, startMs, endMs: performance.now(), attributes: failed ?? attributes });
    }
  }
}

/** The code of an error or of the one that it wraps; `internal` where neither is ours. */
export function errorTypeOf(error: unknown): string {
  const own = [error, (error as Error | undefined)?.cause].find(isGatewayError);
  return own?.code ?? "internal";
}
