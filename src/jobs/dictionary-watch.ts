import type { Job } from "./job-runner.ts";

const hour = 3_600_000;

/** Brings the copies of НСИ's dictionaries up to date; the first time a minute after the start, which has enough to do. */
export const dictionaryWatch = (sync: Job["run"]): Job => ({
  name: "dictionary-watch",
  everyMs: 6 * hour,
  firstAfterMs: 60_000,
  leaderLeaseMs: hour,
  run: sync,
});
