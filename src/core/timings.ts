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

  async measure<T>(name: string, work: () => Promise<T>, attributes?: Timing["attributes"]): Promise<T> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.entries.push({ name, startMs, endMs: performance.now(), attributes });
    }
  }
}
