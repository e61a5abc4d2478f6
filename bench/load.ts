import autocannon from "autocannon";

/** One round of load, asked for over IPC by a bench. */
export interface Round {
  url: string;
  headers: Record<string, string>;
  /** of every answer; any other is a failure */
  status: number;
  connections: number;
  seconds: number;
}

export interface RoundResult {
  answered: number;
  failed: number;
  perSecond: number;
  p99Ms: number;
}

process.on("message", async ({ url, headers, status, connections, seconds }: Round) => {
  const result = await autocannon({ url, headers, connections, duration: seconds });
  const counts = Object.entries(result.statusCodeStats ?? {}).map(
    ([code, { count = 0 }]) => [code, count] as const,
  );
  const answered = counts.find(([code]) => code === String(status))?.[1] ?? 0;
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  const done: RoundResult = {
    answered,
    failed: all - answered + result.errors + result.timeouts,
    perSecond: answered / result.duration,
    p99Ms: result.latency.p99,
  };
  process.send?.(done);
});
process.send?.("ready");
