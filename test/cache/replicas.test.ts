import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { LeasedGenerations } from "../../src/cache/leased-generations.ts";
import { RedisLink } from "../../src/cache/redis.ts";
import { SharedLayer } from "../../src/cache/shared-layer.ts";
import type { CacheSpec } from "../../src/cache/spec.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { startRedis } from "../support/redis-server.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const keyring = createKeyring(randomBytes(32));
const sharedUrl = () => process.env.TEST_REDIS_URL ?? "";
const spec: CacheSpec = {
  name: "frmr.person",
  tenant: "1.2.643.5.1.13.13.12.2.77.7823",
  key: ["11223344595"],
  subjects: ["practitioner-1"],
  seconds: 60,
};

interface Replica {
  cache: Cache;
  link: RedisLink;
}

/** A cache with connections of its own; those of one namespace are replicas of one gateway. */
async function replica(redisUrl: string, namespace: string): Promise<Replica> {
  const clock = systemClock;
  const link = new RedisLink({ url: redisUrl, log: silentLogger });
  const generations = new LeasedGenerations({ link, keyring, clock, namespace });
  const shared = new SharedLayer({ link, keyring, clock, namespace });
  const cache = new Cache({ clock, maxBytes: 10_000_000, generations, shared });
  await link.open();
  await generations.start();
  stops.push(async () => {
    await cache.close();
    link.close();
  });
  return { cache, link };
}

function replicas(count: number, redisUrl = sharedUrl()): Promise<Replica[]> {
  const namespace = `test-${randomUUID()}`;
  return Promise.all(Array.from({ length: count }, () => replica(redisUrl, namespace)));
}

function admin(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on("error", () => {});
  stops.push(() => redis.disconnect());
  return redis;
}

async function ownRedis() {
  const redis = await startRedis();
  stops.push(() => redis.server.kill());
  return redis;
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !condition(); turn++) await pause(10);
  expect(condition()).toBe(true);
}

describe("several replicas", () => {
  it("I-21 50 equal parallel queries on each of three replicas load once", async () => {
    const open = await replicas(3);
    let loads = 0;
    const load = async () => {
      loads += 1;
      await pause(100);
      return { name: "card" };
    };
    const reads = open.flatMap(({ cache }) => Array.from({ length: 50 }, () => cache.getOrLoad(spec, load)));
    const found = await Promise.all(reads);
    expect(loads).toBe(1);
    expect(found.every(({ value }) => value.name === "card")).toBe(true);
  });

  it("a replica whose load fails lets the next one try", async () => {
    const [one, two] = await replicas(2);
    const failing = one!.cache.getOrLoad(spec, async () => {
      await pause(100);
      throw new Error("down");
    });
    await pause(30);
    const second = two!.cache.getOrLoad(spec, async () => ({ n: 2 }));
    await expect(failing).rejects.toThrow("down");
    expect((await second).value).toEqual({ n: 2 });
  });

  it("I-20 after a bump is acknowledged no replica gives an old answer, also while events are lost", async () => {
    const open = await replicas(3);
    const redis = admin(sharedUrl());
    let truth = 0;
    let acknowledged = 0;
    let running = true;
    const counts = { reads: 0, hits: 0, old: 0 };
    const load = async () => {
      const seen = truth;
      await pause(1);
      return seen;
    };
    const reader = async ({ cache }: Replica) => {
      while (running) {
        const atLeast = acknowledged;
        const { value, result } = await cache.getOrLoad(spec, load);
        counts.reads += 1;
        if (result === "hit") counts.hits += 1;
        if (value < atLeast) counts.old += 1;
        if (counts.reads % 20 === 0) await new Promise(setImmediate);
      }
    };
    const readers = open.flatMap((replica) => [reader(replica), reader(replica)]);
    const times: number[] = [];
    for (let bump = 0; bump < 150; bump++) {
      truth += 1;
      const writer = open[bump % 3]!;
      times.push(await msOf(() => writer.cache.bump("practitioner-1")));
      acknowledged = truth;
      if (bump % 50 === 25) await redis.client("KILL", "TYPE", "pubsub");
      await pause(3);
    }
    running = false;
    await Promise.all(readers);
    expect(counts.old).toBe(0);
    expect(counts.hits).toBeGreaterThan(1_000);
    // confirmed by the replicas, not waited out
    expect(times.toSorted((a, b) => a - b)[75]).toBeLessThan(1_000);
  });

  it("a replica that died without a word delays a bump by no more than its lease", async () => {
    const [alive, dead] = await replicas(2);
    await pause(2_100);
    const redis = admin(sharedUrl());
    await dead!.cache.close();
    const registers = await redis.keys("{test-*}:replicas");
    for (const key of registers) await redis.zadd(key, Date.now() + 2_500, randomUUID());
    const ms = await msOf(() => alive!.cache.bump("practitioner-1"));
    expect(ms).toBeGreaterThan(1_500);
    expect(ms).toBeLessThan(4_000);
  });
});

describe("what Redis sees", () => {
  it("keys and values hold nothing of the person", async () => {
    const { url } = await ownRedis();
    const [one] = await replicas(1, url);
    const card = { snils: "11223344595", name: "Вымышленная" };
    await one!.cache.getOrLoad({ ...spec, subjects: ["11223344595"] }, async () => card);
    await one!.cache.bump("11223344595");
    const redis = admin(url);
    await until(() => one!.link.up === true);
    const keys = await redis.keys("*");
    expect(keys.some((key) => /^test-.*:\{[\w-]{43}\}$/.test(key))).toBe(true);
    const dump = [...keys];
    for (const key of keys) {
      const type = await redis.type(key);
      if (type === "string") dump.push(String(await redis.getBuffer(key)));
      if (type === "zset") dump.push(...(await redis.zrange(key, 0, -1)));
    }
    expect(dump.join("\n")).not.toMatch(/11223344595|Вымышленная|snils|name|frmr/);
    expect(dump.length).toBeGreaterThan(keys.length);
  });
});

describe("Redis dies", () => {
  it("I-03 is killed and comes back: answers in milliseconds all the while, nothing old after it", async () => {
    const redis = await ownRedis();
    const [one, two] = await replicas(2, redis.url);
    const plain = { ...spec, subjects: [] };
    let truth = 1;
    const load = async () => truth;
    for (const each of [spec, plain]) {
      await one!.cache.getOrLoad(each, load);
      await two!.cache.getOrLoad(each, load);
    }

    await redis.server.kill();
    await until(() => one!.link.up === false);
    expect(one!.cache.peek(plain)?.value).toBe(1);
    const bump = one!.cache.bump("practitioner-1");
    await expect(bump).rejects.toMatchObject({ code: "store-unavailable", retryAfter: 2 });
    await until(() => one!.cache.peek(spec) === undefined && two!.cache.peek(spec) === undefined);
    truth = 2;
    let loads = 0;
    const degraded = async () => {
      loads += 1;
      return truth;
    };
    const slowest = await msOf(async () => {
      const all = await Promise.all(Array.from({ length: 50 }, () => two!.cache.getOrLoad(spec, degraded)));
      expect(all.every(({ value }) => value === 2)).toBe(true);
    });
    expect(loads).toBe(1);
    expect(slowest).toBeLessThan(500);
    expect((await one!.cache.getOrLoad(plain, load)).value).toBe(1);

    await redis.server.start();
    await until(() => one!.link.up === true && two!.link.up === true);
    truth = 3;
    await one!.cache.bump("practitioner-1");
    expect((await two!.cache.getOrLoad(spec, load)).value).toBe(3);
    expect((await one!.cache.getOrLoad(spec, load)).result).toBe("hit");
  });

  it("I-03 hangs: one slow answer, then milliseconds", async () => {
    const redis = await ownRedis();
    const [one] = await replicas(1, redis.url);
    await admin(redis.url).call("CLIENT", "PAUSE", "3000", "ALL");
    const keys = Array.from({ length: 10 }, (_, index) => ({ ...spec, key: [String(index)], subjects: [] }));
    expect(await msOf(() => one!.cache.getOrLoad(keys[0]!, async () => 1))).toBeLessThan(2_000);
    const rest = await msOf(async () => {
      for (const each of keys.slice(1)) await one!.cache.getOrLoad(each, async () => 1);
    });
    expect(rest).toBeLessThan(1_000);
    await until(() => one!.link.up === true);
  });

  it("is not there at the start: the cache opens and finds it later", async () => {
    const redis = await ownRedis();
    await redis.server.kill();
    const [one] = await replicas(1, redis.url);
    expect(one!.link.up).toBe(false);
    expect((await one!.cache.getOrLoad(spec, async () => 1)).value).toBe(1);
    await redis.server.start();
    await until(() => one!.link.up === true);
    await one!.cache.getOrLoad(spec, async () => 2);
    expect(one!.cache.peek(spec)?.value).toBe(2);
  });
});
