import type { Job } from "./job-runner.ts";

/** Deletes what is past its time, each kind by its own function; one that fails keeps none of the others. */
export function expiry(purges: readonly (() => Promise<unknown>)[]): Job {
  return {
    name: "expiry",
    everyMs: 3_600_000,
    leaderLeaseMs: 60_000,
    run: async () => {
      const done = await Promise.allSettled(purges.map((purge) => purge()));
      const failed = done.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
      if (failed) throw failed.reason;
    },
  };
}
