import { afterAll, beforeAll, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";

const day = 86_400_000;
const start = Date.UTC(2026, 10, 22);
const clock = new ManualClock(start);
let app: TestApp;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase(), OUTBOX_DELIVERED_DAYS: "3" }, clock);
});
afterAll(() => app?.close());

it("a running gateway forgets what is past its time, each kind by its own, and keeps dead letters", async () => {
  const { db } = app.parts.store;
  const message = (id: string, state: "delivered" | "dead", finishedAt: number) => ({
    id,
    tenant: "t",
    system: "elsewhere",
    kind: "k",
    deduplication_id: id,
    state,
    payload: null,
    due_at: start,
    created_at: start,
    finished_at: finishedAt,
    last_error: null,
  });
  await db
    .insertInto("outbox")
    .values([
      message("old", "delivered", start - 3 * day),
      message("recent", "delivered", start - day),
      message("dead", "dead", start - 300 * day),
    ])
    .execute();
  await db
    .insertInto("idempotency")
    .values({
      key_mac: "k",
      request_mac: "r",
      holder: null,
      lease_until: 0,
      answer: null,
      expires_at: start - 1,
    })
    .execute();
  const left = async () =>
    (
      await db.selectFrom("outbox").select("id").where("system", "=", "elsewhere").orderBy("id").execute()
    ).map(({ id }) => id);
  await clock.advance(2 * 3_600_000);
  await expect.poll(left, { timeout: 15_000 }).toEqual(["dead", "recent"]);
  await expect.poll(() => db.selectFrom("idempotency").select("key_mac").execute()).toEqual([]);
});
