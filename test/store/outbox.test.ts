import fc from "fast-check";
import { sql } from "kysely";
import { beforeEach, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import type { ErrorCode } from "../../src/core/error-table.ts";
import { type ErrorDetails, GatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { type Deliverer, outboxWorkers } from "../../src/jobs/outbox-worker.ts";
import { type ClaimedMessage, Outbox } from "../../src/store/outbox.ts";
import { OutboxDesk } from "../../src/store/outbox-desk.ts";
import { purgeDelivered } from "../../src/store/purge.ts";
import { onBothEngines } from "./engines.ts";

const keyring = createKeyring(new Uint8Array(32).fill(3));
const message = (n: number, system = "remd") => ({
  tenant: "t",
  system,
  kind: "document",
  deduplicationId: `document-${n}`,
  payload: { document: `документ ${n}` },
});

onBothEngines((store) => {
  let clock: ManualClock;
  let outbox: Outbox;
  let seen: string[];
  let waits: number[];

  beforeEach(async () => {
    seen = [];
    waits = [];
    await store().db.deleteFrom("outbox").execute();
    clock = new ManualClock();
    outbox = new Outbox({
      db: store().db,
      keyring,
      clock,
      leaseMs: 10_000,
      retryMs: 2_000,
      leastAttempts: 3,
      mostSilentLeases: 3,
      backoffMs: [1_000, 1_500],
      random: () => 1,
    });
  });

  const enqueue = (n: number, system?: string) =>
    store()
      .db.transaction()
      .execute((trx) => outbox.enqueue(trx, message(n, system)));
  const rowOf = (n: number) =>
    store()
      .db.selectFrom("outbox")
      .selectAll()
      .where("deduplication_id", "=", `document-${n}`)
      .executeTakeFirstOrThrow();
  it("a delivered message is forgotten after its retention, a dead one and a waiting one are not", async () => {
    for (const n of [1, 2, 3, 4]) await enqueue(n);
    const [first, second] = await outbox.claim("remd", 2);
    await outbox.delivered(first as ClaimedMessage);
    await outbox.bury(second as ClaimedMessage, "wrong-shape");
    await clock.advance(1_000);
    const [third] = await outbox.claim("remd", 1);
    await outbox.delivered(third as ClaimedMessage);
    expect(await purgeDelivered(store().db, clock.now())).toBe(1);
    const left = await store().db.selectFrom("outbox").select("state").orderBy("state").execute();
    expect(left.map(({ state }) => state)).toEqual(["dead", "delivered", "pending"]);
  });

  const run = (deliver: Deliverer) =>
    outboxWorkers({
      outbox,
      deliverers: new Map([["remd", deliver]]),
      clock,
      log: silentLogger,
      batch: 2,
      observer: {
        attempt: (system, outcome) => void seen.push(`${system} ${outcome}`),
        delivered: (_system, seconds) => void waits.push(seconds),
      },
    })[0]!.run(new AbortController().signal);
  const failing = (code: ErrorCode, details?: ErrorDetails) => async () => {
    throw new GatewayError(code, details);
  };

  it("a message exists only if the caller's transaction commits", async () => {
    const undone = store()
      .db.transaction()
      .execute(async (trx) => {
        await outbox.enqueue(trx, message(1));
        throw new Error("undo");
      });
    await expect(undone).rejects.toThrow("undo");
    expect(await outbox.claim("remd", 10)).toEqual([]);
  });

  it("the same message enqueued again is not sent a second time, even after delivery", async () => {
    expect(await enqueue(1)).toBe(true);
    expect(await enqueue(1)).toBe(false);
    let sent = 0;
    const deliver = async () => {
      sent++;
    };
    await run(deliver);
    expect(await enqueue(1)).toBe(false);
    await run(deliver);
    expect(sent).toBe(1);
  });

  it("delivers every due message once although several workers claim at the same time", async () => {
    for (let n = 0; n < 12; n++) await enqueue(n);
    const payloads: unknown[] = [];
    const deliver: Deliverer = async ({ payload }) => {
      payloads.push(payload);
    };
    await Promise.all([run(deliver), run(deliver), run(deliver)]);
    expect(payloads).toHaveLength(12);
    expect(new Set(payloads.map((payload) => JSON.stringify(payload))).size).toBe(12);
    expect(payloads).toContainEqual({ document: "документ 7" });
  });

  it("leaves messages of systems without a deliverer alone", async () => {
    await enqueue(1, "ferzl");
    await run(failing("internal"));
    expect(await rowOf(1)).toMatchObject({ state: "pending", attempts: 0 });
  });

  it("keeps the payload sealed, and no payload after delivery", async () => {
    await enqueue(1);
    const { payload } = await rowOf(1);
    expect(Buffer.from(payload!).includes("документ")).toBe(false);
    await run(async () => {});
    expect(await rowOf(1)).toMatchObject({ state: "delivered", payload: null, finished_at: clock.now() });
  });

  it("tries again after a growing pause, then puts the message aside with its payload", async () => {
    await enqueue(1);
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      await run(failing("upstream-unavailable"));
      const row = await rowOf(1);
      pauses.push(row.due_at - clock.now());
      await run(failing("internal"));
      expect((await rowOf(1)).attempts).toBe(attempt);
      await clock.advance(row.due_at - clock.now());
    }
    expect(pauses.slice(0, 2)).toEqual([1_000, 1_500]);
    expect(await rowOf(1)).toMatchObject({ state: "dead", last_error: "upstream-unavailable" });
    expect((await rowOf(1)).payload).not.toBeNull();
    expect(await outbox.claim("remd", 10)).toEqual([]);
  });

  it("a receiver that comes back within the time has its message, one that does not a dead letter", async () => {
    const hour = 3_600_000;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 30 * 60 }),
        async (draws, awayMinutes) => {
          await store().db.deleteFrom("outbox").execute();
          const begun = clock.now();
          let n = 0;
          const random = () => draws[n++ % draws.length] as number;
          outbox = new Outbox({ db: store().db, keyring, clock, random });
          await enqueue(1);
          const isAway = () => clock.now() < begun + awayMinutes * 60_000;
          let state = "pending";
          while (state === "pending") {
            await run(async () => {
              if (isAway()) throw new GatewayError("upstream-unavailable");
            });
            const row = await rowOf(1);
            state = row.state;
            expect(row.due_at - clock.now()).toBeLessThanOrEqual(hour);
            // a draw near zero again and again would make the test long, not different
            await clock.advance(Math.max(row.due_at - clock.now(), 5 * 60_000));
          }
          const age = ((await rowOf(1)).finished_at as number) - begun;
          if (awayMinutes < 24 * 60) expect(state).toBe("delivered");
          if (state === "dead") expect(age).toBeGreaterThanOrEqual(24 * hour);
          expect(age).toBeLessThanOrEqual(25 * hour);
        },
      ),
      { numRuns: 3 },
    );
  });

  it("one that waited for us all its time is still tried, and a replayed one has its time anew", async () => {
    await enqueue(1);
    await clock.advance(3_600_000);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect((await rowOf(1)).state).toBe("pending");
      await run(failing("upstream-unavailable"));
      await clock.advance(1_500);
    }
    const { id, state } = await rowOf(1);
    expect(state).toBe("dead");
    expect(await new OutboxDesk({ db: store().db, clock }).replay(id, 500)).toBe(true);
    await clock.advance(500);
    const [again] = await outbox.claim("remd", 1);
    expect(again).toMatchObject({ attempt: 1, since: clock.now() });
  });

  it("spreads the pause over the whole range", async () => {
    const eager = new Outbox({ db: store().db, keyring, clock, random: () => 0 });
    await enqueue(1);
    const [claimed] = await eager.claim("remd", 1);
    await eager.retryLater(claimed!, "upstream-unavailable");
    expect((await rowOf(1)).due_at).toBe(clock.now());
  });

  it("waits at least as long as the system asked", async () => {
    await enqueue(1);
    await run(failing("upstream-rate-limited", { retryAfter: 120 }));
    expect((await rowOf(1)).due_at).toBe(clock.now() + 121_000);
  });

  it("does not repeat what the system refused for good", async () => {
    await enqueue(1);
    await run(failing("upstream-rejected"));
    expect(await rowOf(1)).toMatchObject({ state: "dead", attempts: 1, last_error: "upstream-rejected" });
  });

  it("gives a dead worker's message to another after the lease, and the late worker changes nothing", async () => {
    await enqueue(1);
    const [late] = await outbox.claim("remd", 1);
    expect(await outbox.claim("remd", 1)).toEqual([]);
    await clock.advance(10_000);
    const [next] = await outbox.claim("remd", 1);
    expect(next).toMatchObject({ id: late!.id, attempt: 2 });
    expect(await outbox.delivered(late!)).toBe(false);
    expect(await outbox.bury(late!, "internal")).toBe(false);
    expect(await outbox.delivered(next!)).toBe(true);
  });

  it("puts a message aside that killed every worker", async () => {
    await enqueue(1);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await outbox.claim("remd", 1)).toHaveLength(1);
      await clock.advance(10_000);
    }
    expect(await outbox.claim("remd", 1)).toEqual([]);
    expect(await rowOf(1)).toMatchObject({ state: "dead", last_error: "lease-expired" });
  });

  it("two claimers on two connections never share a message", async () => {
    for (let n = 0; n < 40; n++) await enqueue(n);
    const claims = await Promise.all(Array.from({ length: 8 }, () => outbox.claim("remd", 5)));
    const ids = claims.flat().map((claimed) => claimed.id);
    const { rows } = await sql<{ n: number }>`select count(*) as n from outbox where attempts = 1`.execute(
      store().db,
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(rows[0]?.n).toBe(ids.length);
  });
});
