import { afterAll, beforeAll, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { subscriptionClock } from "../../src/jobs/subscription-clock.ts";
import { type OpenDatabase, openDatabase } from "../../src/store/database.ts";
import { appendEvent, eventsOf, noteSent, watchSubscription } from "../../src/store/subscriptions.ts";

let store: OpenDatabase;
beforeAll(async () => {
  store = await openDatabase({ dataDir: "memory://" });
});
afterAll(() => store?.close());

const tenant = "clinic";
const watched = { tenant, type: "Location", filters: [], state: "active" as const };

/** Runs the job once and tells whom it beat and whom it ended. */
async function tick(clock: ManualClock) {
  const beaten: string[] = [];
  const ended: string[] = [];
  const job = subscriptionClock({
    db: store.db,
    clock,
    beat: async ({ id, sentAt }) => void beaten.push(`${id} ${sentAt}`),
    turnOff: async ({ id }) => void ended.push(id),
  });
  await job.run(new AbortController().signal);
  return { beaten, ended };
}

it("a heartbeat is due one period after the last notification, not before", async () => {
  const clock = new ManualClock();
  await watchSubscription(store.db, { ...watched, id: "beating", heartbeatSeconds: 60 });
  await watchSubscription(store.db, { ...watched, id: "silent" });
  await watchSubscription(store.db, { ...watched, id: "stopped", state: "off", heartbeatSeconds: 60 });
  const sentAt = clock.now();
  for (const id of ["beating", "silent", "stopped"]) await noteSent(store.db, { tenant, id }, sentAt);
  await clock.advance(59_000);
  expect((await tick(clock)).beaten).toEqual([]);
  await clock.advance(1_000);
  expect((await tick(clock)).beaten).toEqual([`beating ${sentAt}`]);
  await noteSent(store.db, { tenant, id: "beating" }, clock.now());
  expect((await tick(clock)).beaten).toEqual([]);
});

it("a Subscription ends at its time, and its events are forgotten after 30 days", async () => {
  const clock = new ManualClock();
  await watchSubscription(store.db, { ...watched, id: "ending", endsAt: clock.now() + 1_000 });
  expect((await tick(clock)).ended).toEqual([]);
  await clock.advance(1_000);
  expect((await tick(clock)).ended).toEqual(["ending"]);
  const event = { type: "Location", id: "l", version: 1, interaction: "create" as const, at: clock.now() };
  await appendEvent(store.db, { tenant, id: "ending" }, event);
  await clock.advance(29 * 86_400_000);
  await appendEvent(store.db, { tenant, id: "ending" }, { ...event, at: clock.now() });
  await clock.advance(2 * 86_400_000);
  await tick(clock);
  const left = await eventsOf(store.db, { tenant, id: "ending" }, { limit: 10 });
  expect(left.map(({ number }) => number)).toEqual([2]);
});
