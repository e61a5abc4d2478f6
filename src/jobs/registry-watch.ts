import type { Job } from "./job-runner.ts";

const hour = 3_600_000;

/** Brings the copies of registries up to date; the first time a minute and a half after the start, after the dictionaries. */
export const registryWatch = (sync: Job["run"]): Job => ({
  name: "registry-watch",
  everyMs: 6 * hour,
  firstAfterMs: 90_000,
  leaderLeaseMs: 3 * hour,
  run: sync,
});
