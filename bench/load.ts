import autocannon from "autocannon";

/** One round of load, asked for over IPC by a bench. */
export interface Round {
  url: string;
  headers: Record<string, string>;
  connections: number;
  seconds: number;
}

export interface RoundResult {
  answered: number;
  failed: number;
  perSecond: number;
  p99Ms: number;
}

process.on("message", async ({ url, headers, connections, seconds }: Round) => {
  const result = await autocannon({ url, headers, connections, duration: seconds });
  const answered = result["2xx"];
  const done: RoundResult = {
    answered,
    failed: result.non2xx + result.errors + result.timeouts,
    perSecond: answered / result.duration,
    p99Ms: result.latency.p99,
  };
  process.send?.(done);
});
process.send?.("ready");
