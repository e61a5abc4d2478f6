import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { Quota } from "./quota.ts";
import { RetryBudget } from "./retry.ts";

describe("token bucket", () => {
  it("gives, over any span, no more than its burst and what the span earns", async () => {
    const settings = fc.record({
      requests: fc.integer({ min: 1, max: 50 }),
      perSeconds: fc.integer({ min: 1, max: 60 }),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    const steps = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(settings, steps, async (quota, waits) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket(quota, clock);
        const taken: number[] = [];
        for (const wait of waits) {
          await clock.advance(wait);
          while (bucket.take()) taken.push(clock.now());
        }
        for (let from = 0; from < taken.length; from++) {
          const spanMs = taken.at(-1)! - taken[from]!;
          const most = quota.burst + (spanMs * quota.requests) / (quota.perSeconds * 1_000);
          expect(taken.length - from).toBeLessThanOrEqual(most + 1e-3);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("says exactly when the next token is there", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 60 }), async (n, per) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket({ requests: n, perSeconds: per, burst: 1 }, clock);
        expect(bucket.take()).toBe(true);
        const waitMs = bucket.waitMs(1);
        await clock.advance(waitMs - 1);
        expect(bucket.take()).toBe(false);
        await clock.advance(1);
        expect(bucket.take()).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("earns nothing when the clock is set back", async () => {
    let now = 1_000_000;
    const clock = { now: () => now, sleep: async () => {} };
    const bucket = new TokenBucket({ requests: 1, perSeconds: 1, burst: 1 }, clock);
    expect(bucket.take()).toBe(true);
    now -= 500_000;
    expect(bucket.take()).toBe(false);
    now += 999;
    expect(bucket.take()).toBe(false);
    now += 1;
    expect(bucket.take()).toBe(true);
  });
});

describe("quota", () => {
  const ask = (clock: ManualClock, more: Partial<Parameters<Quota["take"]>[0]> = {}) => ({
    priority: "interactive" as const,
    tenant: "a",
    deadline: clock.now() + 60_000,
    signal: new AbortController().signal,
    ...more,
  });

  it("lets people go before background work, which still gets every fifth turn", async () => {
    const clock = new ManualClock();
    const quota = new Quota("registry", clock, { requests: 1, perSeconds: 1, burst: 1 });
    await quota.take(ask(clock));
    const order: string[] = [];
    const queue = (priority: "interactive" | "background") =>
      quota.take(ask(clock, { priority })).then(() => order.push(priority));
    for (let i = 0; i < 3; i++) void queue("background");
    for (let i = 0; i < 10; i++) void queue("interactive");
    await clock.advance(20_000);
    expect(order).toHaveLength(13);
    expect(order.slice(0, 4)).toEqual(Array(4).fill("interactive"));
    expect(order.indexOf("background")).toBe(4);
    expect(order.slice(0, 10).filter((priority) => priority === "background")).toHaveLength(2);
  });

  it("gives tenants turns, so that a busy one delays only itself", async () => {
    const clock = new ManualClock();
    const quota = new Quota("registry", clock, { requests: 1, perSeconds: 1, burst: 1 });
    await quota.take(ask(clock));
    const order: string[] = [];
    const queue = (tenant: string) => quota.take(ask(clock, { tenant })).then(() => order.push(tenant));
    for (let i = 0; i < 20; i++) void queue("busy");
    void queue("quiet");
    await clock.advance(2_000);
    expect(order).toEqual(["busy", "quiet"]);
  });

  it("a caller who gives up frees their place", async () => {
    const clock = new ManualClock();
    const quota = new Quota("registry", clock, { requests: 1, perSeconds: 1, burst: 1 });
    await quota.take(ask(clock));
    const patience = new AbortController();
    const gone = quota.take(ask(clock, { signal: patience.signal }));
    const next = quota.take(ask(clock));
    patience.abort();
    await expect(gone).rejects.toMatchObject({ code: "upstream-rate-limited", retryAfter: 1 });
    await clock.advance(1_000);
    await expect(next).resolves.toBeUndefined();
  });
});

it("a retry budget never lets retries pass a tenth of the calls and the reserve", () => {
  const moves = fc.array(fc.boolean(), { maxLength: 2_000 });
  fc.assert(
    fc.property(moves, (calls) => {
      const budget = new RetryBudget(10);
      let first = 0;
      let retries = 0;
      for (const isFirst of calls) {
        if (isFirst) first += 1;
        if (isFirst) budget.deposit();
        else if (budget.withdraw()) retries += 1;
      }
      return retries <= 10 + first / 10 + 1e-6;
    }),
  );
});
