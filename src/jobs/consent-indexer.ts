import type { Job } from "./job-runner.ts";

/** Brings consents of earlier editions of the gateway into the search; what is given now is there at once. */
export const consentIndexer = (indexEarlier: Job["run"]): Job => ({
  name: "consent-indexer",
  everyMs: 24 * 3_600_000,
  leaderLeaseMs: 10 * 60_000,
  run: indexEarlier,
});
