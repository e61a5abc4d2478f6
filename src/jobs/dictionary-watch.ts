import type { Clock } from "../core/clock.ts";
import type { Job } from "./job-runner.ts";

const hour = 3_600_000;

export interface DictionaryWatchParts {
  clock: Clock;
  sync(signal: AbortSignal): Promise<void>;
}

/** Brings the copies of НСИ's dictionaries up to date; the first time a minute after the start, which has enough to do. */
export function dictionaryWatch({ clock, sync }: DictionaryWatchParts): Job {
  let begun = false;
  return {
    name: "dictionary-watch",
    everyMs: 6 * hour,
    leaderLeaseMs: hour,
    async run(signal) {
      if (!begun) await clock.sleep(60_000, signal);
      begun = true;
      await sync(signal);
    },
  };
}
