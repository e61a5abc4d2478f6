import { describe, expect, it, vi } from "vitest";
import {
  drive,
  readOperation,
  steps,
  testContext,
  testUpstream,
  writeOperation,
} from "../../test/support/upstream.ts";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { AttemptFailure } from "./classify.ts";
import { RetryBudget, retrying } from "./retry.ts";
import { WireFailure } from "./wire-failure.ts";

const busy = (retryAfter?: number) => () => {
  throw new WireFailure("busy", "HTTP 503", { status: 503, retryAfter });
};
const never = () => new Promise<never>(() => {});

function setUp(settings: Parameters<typeof testUpstream>[1] = {}) {
  const clock = new ManualClock();
  return { ...testUpstream(clock, settings), ctx: testContext(clock) };
}

describe("retries", () => {
  it("I-01 a read that meets 503 twice is answered by the third attempt", async () => {
    const { upstream, clock, ctx, seen } = setUp();
    const codec = steps<string>(busy(), busy(), () => "answer");
    const found = await drive(clock, upstream.call(readOperation, undefined, codec, ctx));
    expect(found.value).toBe("answer");
    expect(found.source).toMatchObject({ system: "registry", status: "fresh" });
    expect(seen).toEqual(["first", "retry", "retry", "registry.find ok"]);
  });

  it("I-01 what is tried again waits, each time twice as long", async () => {
    const clock = new ManualClock();
    const plan = { clock, budget: new RetryBudget(), repeatable: true, random: () => 1 };
    const { signal } = new AbortController();
    const tried: number[] = [];
    const failing = retrying({ ...plan, signal, deadline: clock.now() + 10_000 }, async () => {
      tried.push(clock.now());
      throw new AttemptFailure(new GatewayError("upstream-unavailable", { system: "registry" }));
    });
    await expect(drive(clock, failing)).rejects.toMatchObject({ code: "upstream-unavailable" });
    const [first = 0, second = 0, third = 0] = tried;
    expect([tried.length, second - first, third - second]).toEqual([3, 100, 200]);
  });

  it("I-01 a write is sent once, whatever comes back", async () => {
    const { upstream, clock, ctx } = setUp();
    const codec = steps<string>(busy(), () => "answer");
    const call = upstream.call(writeOperation, undefined, codec, ctx);
    await expect(drive(clock, call)).rejects.toMatchObject({
      code: "upstream-unavailable",
      system: "registry",
    });
    expect(codec.sent).toBe(1);
  });

  it("I-01 an error of the caller is not sent again", async () => {
    const { upstream, clock, ctx } = setUp();
    const codec = steps<string>(() => {
      throw new GatewayError("upstream-rejected", { system: "registry" });
    });
    const call = upstream.call(readOperation, undefined, codec, ctx);
    await expect(drive(clock, call)).rejects.toMatchObject({ code: "upstream-rejected" });
    expect(codec.sent).toBe(1);
  });

  it("a system that fails for hours gets at most a tenth more calls, and a reserve", async () => {
    const { upstream, clock, ctx, seen } = setUp({ breaker: { minimumCalls: 10_000, size: 10_000 } });
    const codec = steps<string>(busy());
    for (let call = 0; call < 300; call++) {
      await drive(clock, upstream.call(readOperation, undefined, codec, testContext(clock))).catch(() => {});
    }
    expect(seen.filter((entry) => entry === "first")).toHaveLength(300);
    const retries = seen.filter((entry) => entry === "retry").length;
    expect(retries).toBeGreaterThan(10);
    expect(retries).toBeLessThanOrEqual(10 + 300 / 10);
    expect(ctx.timings.entries).toHaveLength(0);
  });

  it("no retry begins that could not end before the deadline", async () => {
    const { upstream, clock } = setUp();
    const codec = steps<string>(busy(20), () => "answer");
    const ctx = testContext(clock, { deadline: clock.now() + 5_000 });
    const call = upstream.call(readOperation, undefined, codec, ctx);
    await expect(drive(clock, call)).rejects.toMatchObject({ code: "upstream-unavailable", retryAfter: 20 });
    expect(codec.sent).toBe(1);
  });
});

describe("Retry-After", () => {
  it("holds every call to the system back, and tells those who can't wait for how long", async () => {
    const { upstream, clock, seen } = setUp();
    const limited = steps<string>(() => {
      throw new WireFailure("rate-limited", "HTTP 429", { status: 429, retryAfter: 20 });
    });
    const first = upstream.call(readOperation, undefined, limited, testContext(clock));
    await expect(drive(clock, first)).rejects.toMatchObject({
      code: "upstream-rate-limited",
      retryAfter: 20,
    });

    const next = steps<string>(() => "answer");
    const second = upstream.call(readOperation, undefined, next, testContext(clock));
    await expect(drive(clock, second)).rejects.toMatchObject({
      code: "upstream-rate-limited",
      retryAfter: 20,
    });
    expect(next.sent).toBe(0);
    expect(seen).toContain("quota refused");

    await clock.advance(20_000);
    const third = await drive(clock, upstream.call(readOperation, undefined, next, testContext(clock)));
    expect(third.value).toBe("answer");
  });

  it("of a second is waited out by the retry itself", async () => {
    const { upstream, clock, ctx } = setUp();
    const startedAt = clock.now();
    const codec = steps<string>(busy(1), () => "answer");
    await drive(clock, upstream.call(readOperation, undefined, codec, ctx));
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(1_000);
  });
});

describe("deadline", () => {
  it("I-02 a system that hangs is a time-out of the operation's own length", async () => {
    const { upstream, clock, ctx, seen } = setUp();
    const startedAt = clock.now();
    const call = upstream.call(readOperation, undefined, steps(never), ctx);
    await expect(drive(clock, call)).rejects.toMatchObject({ code: "upstream-timeout", system: "registry" });
    expect(clock.now() - startedAt).toBeLessThanOrEqual(10_100);
    expect(seen).toContain("registry.find timeout");
  });

  it("I-02 a request with less time than the operation ends in its own time", async () => {
    const { upstream, clock } = setUp();
    const startedAt = clock.now();
    const ctx = testContext(clock, { deadline: clock.now() + 500 });
    const call = upstream.call(readOperation, undefined, steps(never), ctx);
    await expect(drive(clock, call)).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect(clock.now() - startedAt).toBeLessThanOrEqual(540);
  });

  it("waiting for quota counts against it, and a wait that is too long is refused at once", async () => {
    const { upstream, clock } = setUp({ quota: { requests: 1, perSeconds: 4, burst: 1 } });
    const codec = steps<string>(() => "answer");
    const calls = Array.from({ length: 5 }, () =>
      upstream
        .call(readOperation, undefined, codec, testContext(clock))
        .catch((error: GatewayError) => error),
    );
    const ends = await drive(clock, Promise.all(calls));
    const refused = ends.filter((end) => end instanceof GatewayError);
    expect(codec.sent).toBe(3);
    expect(refused.map((error) => error.code)).toEqual(["upstream-rate-limited", "upstream-rate-limited"]);
    expect(refused[0]?.retryAfter).toBeGreaterThan(0);
  });
});

describe("breaker", () => {
  it("opens for a system that keeps failing, lets one probe through, and closes when it succeeds", async () => {
    const { upstream, clock, seen } = setUp({ breaker: { minimumCalls: 4, firstBreakMs: 5_000 } });
    vi.useFakeTimers({ toFake: ["Date"], now: clock.now() });
    try {
      const failing = steps<string>(busy());
      const call = (codec: ReturnType<typeof steps<string>>) =>
        drive(clock, upstream.call({ ...writeOperation }, undefined, codec, testContext(clock)));
      for (let turn = 0; turn < 4; turn++) await call(failing).catch(() => {});
      expect(upstream.states()).toEqual({ registry: "open" });
      await expect(call(failing)).rejects.toMatchObject({ code: "upstream-unavailable", retryAfter: 5 });
      expect(failing.sent).toBe(4);

      await clock.advance(5_000);
      vi.setSystemTime(clock.now());
      let answer: (value: string) => void = () => {};
      const slow = steps<string>(() => new Promise((resolve) => (answer = resolve)));
      const probe = upstream.call(readOperation, undefined, slow, testContext(clock));
      await new Promise(setImmediate);
      await expect(call(failing)).rejects.toMatchObject({ code: "upstream-unavailable" });
      expect(failing.sent).toBe(4);
      answer("well again");
      expect((await probe).value).toBe("well again");
      expect(upstream.states()).toEqual({ registry: "closed" });
      expect(seen).toEqual(expect.arrayContaining(["open", "half-open", "closed", "breaker refused"]));
    } finally {
      vi.useRealTimers();
    }
  });

  it("stays open when its probe was held back before it reached the system", async () => {
    const { upstream, clock } = setUp({ breaker: { minimumCalls: 4, firstBreakMs: 5_000 } });
    vi.useFakeTimers({ toFake: ["Date"], now: clock.now() });
    try {
      const failing = steps<string>(busy(3_600));
      const call = () => drive(clock, upstream.call(writeOperation, undefined, failing, testContext(clock)));
      await Promise.allSettled(Array.from({ length: 4 }, call));
      await clock.advance(5_000);
      vi.setSystemTime(clock.now());
      await expect(call()).rejects.toMatchObject({ code: "upstream-unavailable", retryAfter: 3_595 });
      expect(upstream.states()).toEqual({ registry: "open" });
      expect(failing.sent).toBe(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it("stays closed for answers that are merely wrong", async () => {
    const { upstream, clock } = setUp({ breaker: { minimumCalls: 2 } });
    const malformed = steps<string>(() => {
      throw new SyntaxError("not JSON");
    });
    for (let turn = 0; turn < 10; turn++) {
      const call = upstream.call(readOperation, undefined, malformed, testContext(clock));
      await expect(drive(clock, call)).rejects.toMatchObject({ code: "upstream-malformed" });
    }
    expect(upstream.states()).toEqual({ registry: "closed" });
    expect(malformed.sent).toBe(10);
  });
});

describe("cache", () => {
  const cachedRead = { ...readOperation, cacheSeconds: 60 };

  it("I-21 50 equal parallel queries make one call", async () => {
    const { upstream, clock, ctx } = setUp();
    const codec = { ...steps<{ n: number }>(async () => ({ n: 1 })), cacheKey: ["12345678964"] };
    const sent = vi.spyOn(codec, "send");
    const calls = Array.from({ length: 50 }, () => upstream.call(cachedRead, undefined, codec, ctx));
    const found = await drive(clock, Promise.all(calls));
    expect(sent).toHaveBeenCalledTimes(1);
    expect(found.every(({ value }) => value.n === 1)).toBe(true);
    const again = await upstream.call(cachedRead, undefined, codec, ctx);
    expect(again.source.status).toBe("cached");
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it("a shared call outlives the first caller's deadline", async () => {
    const { upstream, clock, ctx } = setUp();
    let answer: (value: { n: number }) => void = () => {};
    const codec = {
      ...steps<{ n: number }>(() => new Promise((resolve) => (answer = resolve))),
      cacheKey: ["k"],
    };
    const hasty = testContext(clock, { deadline: clock.now() + 100 });
    const first = upstream.call(cachedRead, undefined, codec, hasty);
    const second = upstream.call(cachedRead, undefined, codec, ctx);
    await expect(drive(clock, first)).rejects.toMatchObject({ code: "deadline-exceeded" });
    answer({ n: 7 });
    expect((await second).value).toEqual({ n: 7 });
  });

  it("what it has is known at once, until it ends, is bumped, or a scenario asks for another answer", async () => {
    const { upstream, clock, cache, ctx } = setUp({ sandbox: true });
    const codec = { ...steps<string>(() => "answer"), cacheKey: ["k"], subjects: ["person"] };
    const known = (asking = ctx) => upstream.known<string>(cachedRead, codec, asking);
    expect(known()).toBeUndefined();
    await upstream.call(cachedRead, undefined, codec, testContext(clock));
    expect(known()).toMatchObject({ value: "answer", source: { system: "registry", status: "cached" } });
    expect(known(testContext(clock, { scenario: "slow" }))).toBeUndefined();
    expect(ctx.timings.entries).toHaveLength(1);
    await cache.bump("person");
    expect(known()).toBeUndefined();
    await upstream.call(cachedRead, undefined, codec, testContext(clock));
    expect(known()).toBeDefined();
    await clock.advance(60_000);
    expect(known()).toBeUndefined();
  });

  it("a write, an operation without a key and a sandbox scenario are never cached", async () => {
    const { upstream, clock } = setUp({ sandbox: true });
    const codec = { ...steps<number>(() => 1), cacheKey: ["k"] };
    const sent = vi.spyOn(codec, "send");
    const plain = testContext(clock);
    const { cacheKey: _, ...keyless } = codec;
    for (let turn = 0; turn < 2; turn++) {
      await upstream.call({ ...writeOperation, cacheSeconds: 60 }, undefined, codec, plain);
      await upstream.call(cachedRead, undefined, codec, testContext(clock, { scenario: "slow" }));
      await upstream.call(cachedRead, undefined, { ...keyless, send: codec.send }, plain);
    }
    expect(sent).toHaveBeenCalledTimes(6);
  });
});

it("an answer that a codec refuses for business reasons is no failure of the system", async () => {
  const { upstream, clock, ctx, seen } = setUp();
  const codec = steps<string>(() => {
    throw new GatewayError("person-not-found", { system: "registry" });
  });
  const call = upstream.call(readOperation, undefined, codec, ctx);
  await expect(drive(clock, call)).rejects.toMatchObject({ code: "person-not-found" });
  expect(seen).toEqual(["first", "registry.find ok"]);
});
