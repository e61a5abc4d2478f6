/** Median of the rounds with the least and the greatest. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const round = (value = 0) => (value < 100 ? Math.round(value * 100) / 100 : Math.round(value));
  return { median: round(sorted[sorted.length >> 1]), min: round(sorted[0]), max: round(sorted.at(-1)) };
}

/** Mean time of one call, calls one after another. */
export async function microsOf(work: () => unknown, times: number): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < times; n++) {
    const result = work();
    // a promise for each of 100,000 plain calls would be most of what is measured
    if (result instanceof Promise) await result;
  }
  return ((performance.now() - start) * 1_000) / times;
}

/** Calls a second with so many callers at once. */
export async function perSecond(
  work: () => Promise<unknown>,
  { times, callers }: { times: number; callers: number },
): Promise<number> {
  let left = times;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) await work();
    }),
  );
  return times / ((performance.now() - start) / 1_000);
}
