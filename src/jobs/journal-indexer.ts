import { type IndexParts, indexJournal } from "../store/journal-index.ts";
import type { Job } from "./job-runner.ts";

// a run must end within its lease
const mostStepsOfRun = 20;

/** Lists sealed journal rows by person, caller, request and organisation, and counts them, within a second or so. */
export function journalIndexer(parts: IndexParts): Job {
  return {
    name: "journal-indexer",
    everyMs: 400,
    leaderLeaseMs: 10_000,
    run: async (signal) => {
      for (let step = 0; step < mostStepsOfRun && !signal.aborted; step++)
        if ((await indexJournal(parts)) === 0) return;
    },
  };
}
