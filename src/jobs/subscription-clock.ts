import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Schema } from "../store/schema.ts";
import { endedSubscriptions, forgetEvents, silentSubscriptions } from "../store/subscriptions.ts";
import type { Job } from "./job-runner.ts";

interface SubscriptionClock {
  db: Kysely<Schema>;
  clock: Clock;
  /** queues a heartbeat of a Subscription that was last heard at `sentAt` */
  beat(subscription: { tenant: string; id: string; sentAt: number }): Promise<void>;
  turnOff(subscription: { tenant: string; id: string }): Promise<void>;
}

const eventsKeptMs = 30 * 86_400_000;

/** Sends heartbeats that are due, ends Subscriptions whose time is over, forgets events of 30 days ago. */
export function subscriptionClock({ db, clock, beat, turnOff }: SubscriptionClock): Job {
  return {
    name: "subscription-clock",
    everyMs: 5_000,
    leaderLeaseMs: 30_000,
    run: async () => {
      const now = clock.now();
      for (const silent of await silentSubscriptions(db, now)) await beat(silent);
      for (const ended of await endedSubscriptions(db, now)) await turnOff(ended);
      await forgetEvents(db, now - eventsKeptMs);
    },
  };
}
