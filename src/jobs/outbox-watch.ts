import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type OutboxDepth, outboxDepth } from "../store/outbox-depth.ts";
import type { Schema } from "../store/schema.ts";
import type { Job } from "./job-runner.ts";

interface WatchParts {
  db: Kysely<Schema>;
  clock: Clock;
  /** of every system that ever had an open message in this process's time */
  report(depth: OutboxDepth): void;
}

/** Samples the outbox for the metrics of this replica; a system whose messages are all gone is reported as empty. */
export function outboxWatch({ db, clock, report }: WatchParts): Job {
  const seen = new Set<string>();
  return {
    name: "outbox-watch",
    everyMs: 15_000,
    run: async () => {
      const depths = new Map((await outboxDepth(db, clock.now())).map((depth) => [depth.system, depth]));
      for (const system of depths.keys()) seen.add(system);
      for (const system of seen)
        report(depths.get(system) ?? { system, ready: 0, delayed: 0, dead: 0, oldestMs: 0 });
    },
  };
}
