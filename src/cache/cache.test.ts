import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { Cache } from "./cache.ts";
import type { CacheSpec } from "./spec.ts";

const spec: CacheSpec = { name: "test.card", tenant: "t1", key: ["a"], subjects: ["s1"], seconds: 60 };

function setUp(maxBytes = 1_000_000) {
  const clock = new ManualClock();
  const cache = new Cache({ clock, maxBytes });
  let loads = 0;
  const load = async () => ({ n: ++loads });
  return { clock, cache, load, loads: () => loads };
}

describe("cache in process", () => {
  it("I-03 a second call is answered without loading, with the age of the first", async () => {
    const { cache, load, clock } = setUp();
    const first = await cache.getOrLoad(spec, load);
    const asOf = clock.now();
    await clock.advance(30_000);
    const second = await cache.getOrLoad(spec, load);
    expect(first).toMatchObject({ value: { n: 1 }, result: "miss" });
    expect(second).toEqual({ value: { n: 1 }, asOf, result: "hit" });
    expect(second.value).toBe(first.value);
  });

  it("I-20 an answer is never served past its time, not even when loading fails", async () => {
    const { cache, load, clock } = setUp();
    await cache.getOrLoad(spec, load);
    await clock.advance(60_000);
    expect(cache.peek(spec)).toBeUndefined();
    const failing = cache.getOrLoad(spec, () => Promise.reject(new Error("down")));
    await expect(failing).rejects.toThrow("down");
  });

  it("I-21 50 equal parallel queries load once, and share a failure without keeping it", async () => {
    const { cache, load, loads } = setUp();
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.getOrLoad(spec, load)));
    expect(loads()).toBe(1);
    expect(new Set(all.map(({ value }) => value)).size).toBe(1);
    const other = { ...spec, key: ["b"] };
    const failing = () => Promise.reject(new Error("down"));
    const ends = await Promise.allSettled(Array.from({ length: 5 }, () => cache.getOrLoad(other, failing)));
    expect(ends.every(({ status }) => status === "rejected")).toBe(true);
    expect((await cache.getOrLoad(other, load)).value).toEqual({ n: 2 });
  });

  it("I-20 a bump makes what was known about the subject unreachable, and nothing else", async () => {
    const { cache, load } = setUp();
    const other = { ...spec, subjects: ["s2"] };
    const none = { ...spec, subjects: [] };
    for (const each of [spec, other, none]) await cache.getOrLoad(each, load);
    await cache.bump("s1");
    expect(cache.peek(spec)).toBeUndefined();
    expect(cache.peek(other)?.value).toEqual({ n: 2 });
    expect(cache.peek(none)?.value).toEqual({ n: 3 });
  });

  it("a load that began before a bump fills nothing that is served after it", async () => {
    const { cache, load } = setUp();
    let answer: (value: { n: number }) => void = () => {};
    const slow = cache.getOrLoad(spec, () => new Promise<{ n: number }>((resolve) => (answer = resolve)));
    await new Promise(setImmediate);
    await cache.bump("s1");
    const afterBump = await cache.getOrLoad(spec, load);
    answer({ n: -1 });
    expect((await slow).value).toEqual({ n: -1 });
    expect(afterBump.value).toEqual({ n: 1 });
    expect((await cache.getOrLoad(spec, load)).value).toEqual({ n: 1 });
  });

  it("a shared answer can't be changed by one of those who share it", async () => {
    const { cache } = setUp();
    const { value } = await cache.getOrLoad(spec, async () => ({ list: [{ n: 1 }] }));
    expect(() => value.list.push({ n: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value.list[0]!, { n: 2 })).toThrow(TypeError);
  });

  it("keeps no more than its bytes", async () => {
    const { cache } = setUp(10_000);
    const text = "x".repeat(900);
    const specs = Array.from({ length: 100 }, (_, index) => ({ ...spec, key: [String(index)] }));
    for (const each of specs) await cache.getOrLoad(each, async () => text);
    const kept = specs.filter((each) => cache.peek(each));
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.length).toBeLessThanOrEqual(11);
    expect(kept.at(-1)?.key).toEqual(["99"]);
  });

  it("no two different questions share an answer", async () => {
    const part = fc.string({ unit: fc.constantFrom("a", "1", ":", "|", "\u0000", ","), maxLength: 4 });
    const question = fc.record({
      tenant: part,
      key: fc.array(part, { maxLength: 3 }),
      subjects: fc.array(part, { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(question, question, async (one, two) => {
        const { cache, load } = setUp();
        await cache.getOrLoad({ ...spec, ...one }, load);
        const same = JSON.stringify(one) === JSON.stringify(two);
        expect(cache.peek({ ...spec, ...two }) !== undefined).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it("for any mix of reads and bumps: at most one load per generation, never an older answer", async () => {
    const moves = fc.array(fc.constantFrom("read", "bump", "turn"), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(moves, async (script) => {
        const { cache } = setUp();
        let truth = 0;
        let loads = 0;
        const load = async () => {
          const seen = truth;
          loads += 1;
          await new Promise(setImmediate);
          return seen;
        };
        const reads: Promise<void>[] = [];
        for (const move of script) {
          if (move === "turn") await new Promise(setImmediate);
          if (move === "bump") {
            truth += 1;
            await cache.bump("s1");
          }
          if (move !== "read") continue;
          const atLeast = truth;
          reads.push(
            cache.getOrLoad(spec, load).then(({ value }) => expect(value).toBeGreaterThanOrEqual(atLeast)),
          );
        }
        await Promise.all(reads);
        expect(loads).toBeLessThanOrEqual(truth + 1);
      }),
      { numRuns: 200 },
    );
  });
});
