import type { Kysely } from "kysely";
import type { Logger } from "../core/logger.ts";
import type { DataKeys } from "../store/data-keys.ts";
import type { Schema } from "../store/schema.ts";
import type { Job } from "./job-runner.ts";

interface RotationParts {
  db: Kysely<Schema>;
  dataKeys: Pick<DataKeys, "rewrapAll">;
  log: Logger;
}

/** Wraps data keys under the current key-encryption key, also those that a replica made under the one before. */
export function dataKeyRotation({ db, dataKeys, log }: RotationParts): Job {
  return {
    name: "data-key-rotation",
    everyMs: 3_600_000,
    leaderLeaseMs: 10 * 60_000,
    run: async (signal) => {
      const { rewrapped, stuck } = await dataKeys.rewrapAll(db, signal);
      if (rewrapped > 0) log.info({ count: rewrapped }, "data keys were wrapped under the current key");
      if (stuck > 0)
        log.error({ count: stuck }, "data keys can't be unwrapped: their own key is not available");
    },
  };
}
