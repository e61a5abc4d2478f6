import { type SealerParts, sealJournal } from "../store/journal-seal.ts";
import type { Job } from "./job-runner.ts";

/** Links committed journal rows well within a second; another replica takes over 3 s after its holder's death; each run is told. */
export function journalSealer(parts: SealerParts, sealed: () => void = () => {}): Job {
  return {
    name: "journal-sealer",
    everyMs: 400,
    leaderLeaseMs: 3_000,
    run: async () => {
      await sealJournal(parts);
      sealed();
    },
  };
}
