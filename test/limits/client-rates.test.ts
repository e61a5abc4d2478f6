import { Redis } from "ioredis";
import { afterEach, expect, it } from "vitest";
import { RedisLink } from "../../src/cache/redis.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ClientRates } from "../../src/plugins/client-rates.ts";
import { startRedis } from "../support/redis-server.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function world() {
  const { url, server } = await startRedis();
  stops.push(() => server.kill());
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 9, 0, 10));
  let alone = 0;
  const replica = async () => {
    const link = new RedisLink({ url, log: silentLogger });
    stops.push(() => link.close());
    await link.open();
    const hash = (key: string) => Buffer.from(key).toString("hex");
    const rates = new ClientRates({ clock, shared: { link, hash, alone: () => alone++ } });
    return { link, count: () => rates.count("tenant client") };
  };
  return { url, server, clock, replica, alone: () => alone };
}

it("what one replica counted the other one adds, and a new minute begins at nought", async () => {
  const { url, clock, replica } = await world();
  const [one, two] = [await replica(), await replica()];
  for (const expected of [1, 2, 3]) expect(one.count()).toEqual({ requests: expected, endsInMs: 50_000 });
  expect(two.count().requests).toBe(1);
  await clock.advance(200);
  const redis = new Redis(url);
  stops.push(() => redis.disconnect());
  await expect.poll(async () => (await redis.mget(await redis.keys("*")))[0]).toBe("4");
  const [key = ""] = await redis.keys("*");
  expect(key).toMatch(/^gateway:rate:[0-9a-f]+:\d+$/);
  expect(await redis.pttl(key)).toBeGreaterThan(0);
  await expect
    .poll(async () => {
      one.count();
      await clock.advance(200);
      return two.count().requests;
    })
    .toBeGreaterThan(5);
  await clock.advance(60_000);
  expect(one.count().requests).toBe(1);
});

it("while Redis is dead each replica counts alone and says so, and joins again after it", async () => {
  const { server, clock, replica, alone } = await world();
  const one = await replica();
  await server.kill();
  await expect.poll(() => one.link.up).toBe(false);
  expect(one.count().requests).toBe(1);
  await clock.advance(200);
  await expect.poll(alone).toBe(1);
  expect(one.count().requests).toBe(2);
  await server.start();
  const two = await replica();
  await expect.poll(() => one.link.up, { timeout: 10_000 }).toBe(true);
  await expect
    .poll(
      async () => {
        one.count();
        await clock.advance(200);
        return two.count().requests;
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(3);
});
