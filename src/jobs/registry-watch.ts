import type { Clock } from "../core/clock.ts";
import type { Job } from "./job-runner.ts";

const hour = 3_600_000;

export interface RegistryWatchParts {
  clock: Clock;
  sync(signal: AbortSignal): Promise<void>;
}

/** Brings the copies of registries up to date; the first time a minute and a half after the start, after the dictionaries. */
export function registryWatch({ clock, sync }: RegistryWatchParts): Job {
  let begun = false;
  return {
    name: "registry-watch",
    everyMs: 6 * hour,
    leaderLeaseMs: 3 * hour,
    async run(signal) {
      if (!begun) await clock.sleep(90_000, signal);
      begun = true;
      await sync(signal);
    },
  };
}
