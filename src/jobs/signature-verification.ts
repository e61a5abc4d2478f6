import type { Job } from "./job-runner.ts";

/** Asks again about signatures that wait for the state of their certificate; one replica at a time. */
export function signatureVerification(signatures: { retryDue(): Promise<number> }): Job {
  return {
    name: "signature-verification",
    everyMs: 30_000,
    leaderLeaseMs: 120_000,
    run: async (signal) => {
      // what came to an end may hide more of the same moment
      while (!signal.aborted && (await signatures.retryDue()) > 0);
    },
  };
}
