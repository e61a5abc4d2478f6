import type { OperationOutcome } from "@medplum/fhirtypes";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { codeOf, Door, sandboxPeople } from "../support/door.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startPostgres, type TestPostgres } from "../support/postgres-server.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describe("Redis dies and comes back", () => {
  let redis: TestRedis;
  let gateway: TestGateway;
  beforeAll(async () => {
    redis = await startRedis();
    gateway = await startGateway({ REDIS_URL: redis.url, DATABASE_URL: await freshDatabase() });
  });
  afterAll(async () => {
    await gateway?.remove();
    await redis?.server.kill();
  });

  /** answers in Redis; keys that begin with a hash tag are the replicas' own bookkeeping */
  async function storedAnswers(): Promise<number> {
    const client = new Redis(redis.url);
    const keys = await client.keys("*");
    client.disconnect();
    return keys.filter((key) => !key.startsWith("{")).length;
  }

  it("the gateway answers all the time and uses it again", async () => {
    const door = await Door.open(gateway);
    const people = await sandboxPeople(gateway);
    const id = await door.idOf(people.get("doctor")!);
    expect(await storedAnswers()).toBeGreaterThan(0);

    expect(await gateway.metric("cabinet_redis_up")).toBe(1);

    await redis.server.kill();
    await expect.poll(() => gateway.metric("cabinet_redis_up")).toBe(0);
    const cached = await door.call(`/fhir/Practitioner/${id}`);
    const fresh = await door.search(people.get("nurse")!);
    expect([cached.status, fresh.status]).toEqual([200, 200]);
    expect(Math.max(cached.tookMs, fresh.tookMs)).toBeLessThan(3_000);
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);

    await redis.server.start();
    expect(await storedAnswers()).toBe(0);
    const rest = [...people].filter(([person]) => person.startsWith("worker-")).map(([, snils]) => snils);
    await expect
      .poll(
        async () => {
          expect((await door.search(rest.pop()!)).status).toBe(200);
          return storedAnswers();
        },
        { timeout: 20_000, interval: 200 },
      )
      .toBeGreaterThan(0);
  });
});

describe("PostgreSQL is restarted", () => {
  let postgres: TestPostgres;
  let gateway: TestGateway;
  beforeAll(async () => {
    postgres = await startPostgres();
    gateway = await startGateway({ DATABASE_URL: postgres.url });
  });
  afterAll(async () => {
    await gateway?.remove();
    await postgres?.remove();
  });

  it("no access is answered unjournalled meanwhile, and service resumes without a restart of ours", async () => {
    const door = await Door.open(gateway);
    const people = await sandboxPeople(gateway);
    const id = await door.idOf(people.get("doctor")!);
    const read = () => door.call<OperationOutcome>(`/fhir/Practitioner/${id}`);
    expect((await read()).status).toBe(200);

    await postgres.server.stop();
    const refused = await read();
    expect([refused.status, codeOf(refused.body)]).toEqual([503, "store-unavailable"]);
    expect(refused.tookMs).toBeLessThan(10_000);
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);

    await postgres.server.start();
    await expect.poll(async () => (await read()).status, { timeout: 20_000, interval: 100 }).toBe(200);
    await expect
      .poll(async () => (await fetch(`${gateway.url}/health/ready`)).status, {
        timeout: 5_000,
        interval: 100,
      })
      .toBe(200);
  });
});
