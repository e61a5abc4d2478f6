import type { FailedMessages } from "../store/failed-messages.ts";
import type { Job } from "./job-runner.ts";

/** Deletes failed messages whose time is over. */
export function failedMessageExpiry(messages: FailedMessages): Job {
  return {
    name: "failed-message-expiry",
    everyMs: 3_600_000,
    leaderLeaseMs: 60_000,
    run: async () => {
      await messages.purge();
    },
  };
}
