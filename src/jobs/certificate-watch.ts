import type { Logger } from "../core/logger.ts";
import type { Job } from "./job-runner.ts";

interface WatchParts {
  log: Logger;
  /** a sentence per certificate that has run out or soon will */
  notices: () => readonly string[];
}

/** Warns in the log, at the start and twice a day, before a certificate's end stops sign-ins. */
export function certificateWatch({ log, notices }: WatchParts): Job {
  return {
    name: "certificate-watch",
    everyMs: 12 * 3_600_000,
    run: async () => {
      for (const notice of notices()) log.warn({ detail: notice }, "a certificate needs attention");
    },
  };
}
