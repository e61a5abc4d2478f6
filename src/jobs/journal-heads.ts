import { appendFile } from "node:fs/promises";
import { currentHead, type SealerParts } from "../store/journal-seal.ts";
import type { Job } from "./job-runner.ts";

/**
 * Appends the journal's signed head to a file every hour. The file belongs on storage that the database's
 * administrators can't write anew: a tail that is cut later shows against it.
 */
export function journalHeads(parts: Pick<SealerParts, "db" | "keyring"> & { file: string }): Job {
  return {
    name: "journal-heads",
    everyMs: 3_600_000,
    leaderLeaseMs: 60_000,
    run: async () => {
      const head = await currentHead(parts);
      // nothing is sealed yet: such a head is not signed
      if (head.position > 0) await appendFile(parts.file, `${JSON.stringify(head)}\n`);
    },
  };
}
