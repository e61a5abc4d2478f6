import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { OperationOutcome } from "@medplum/fhirtypes";
import { Redis } from "ioredis";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connectTo, freshDatabase } from "../support/database.ts";
import { codeOf, Door, sandboxPeople } from "../support/door.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startPostgres, type TestPostgres } from "../support/postgres-server.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

const run = promisify(execFile);

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

describe("PostgreSQL is slow, hangs and is restarted", () => {
  let postgres: TestPostgres;
  let gateway: TestGateway;
  beforeAll(async () => {
    postgres = await startPostgres();
    gateway = await startGateway({ DATABASE_URL: postgres.url, DATABASE_STATEMENT_MS: "6000" });
  });
  afterAll(async () => {
    await gateway?.remove();
    await postgres?.remove();
  });

  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  const ready = async () => (await fetch(`${gateway.url}/health/ready`)).status;

  it("slow searches end by themselves and leave reads, tokens and readiness alone", async () => {
    const door = await Door.open(gateway, "system/*.rs");
    const path = `/fhir/Practitioner/${await door.idOf((await sandboxPeople(gateway)).get("doctor")!)}`;
    const holder = await connectTo(postgres.url);
    stops.push(() => holder.end());
    await holder.query("begin; lock table search_resource");
    const stuck = Array.from({ length: 30 }, () =>
      door.call<OperationOutcome>(`/fhir/Patient?_id=${randomUUID()}`),
    );
    await expect.poll(() => lockWaits(holder), { timeout: 5_000 }).toBeGreaterThan(3);
    expect([(await door.call(path)).status, await ready()]).toEqual([200, 200]);
    await Door.open(gateway);
    for (const { status, body } of await Promise.all(stuck)) {
      expect(status).toBe(503);
      expect(["store-unavailable", "overloaded"]).toContain(codeOf(body));
    }
    expect(await lockWaits(holder)).toBe(0);
  });

  it("a database that hangs costs a request three seconds, not its whole deadline", async () => {
    const door = await Door.open(gateway);
    const path = `/fhir/Practitioner/${await door.idOf((await sandboxPeople(gateway)).get("doctor")!)}`;
    await door.call(path);
    const { pid = 0 } = postgres.server;
    const { stdout } = await run("ps", ["-o", "pid=", "--ppid", String(pid)]);
    const all = [pid, ...stdout.split("\n").filter(Boolean).map(Number)];
    const tell = (signal: NodeJS.Signals) => all.forEach((one) => void process.kill(one, signal));
    tell("SIGSTOP");
    try {
      const first = door.call<OperationOutcome>(path);
      await pause(500);
      for (const { status, body, tookMs } of await Promise.all([first, door.call<OperationOutcome>(path)])) {
        expect([status, codeOf(body)]).toEqual([503, "store-unavailable"]);
        expect(tookMs).toBeLessThan(4_500);
      }
    } finally {
      tell("SIGCONT");
    }
    await expect.poll(ready, { timeout: 10_000 }).toBe(200);
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

/** How many statements wait for a lock that somebody holds. */
async function lockWaits(client: pg.Client): Promise<number> {
  const { rows } = await client.query("select from pg_locks where not granted");
  return rows.length;
}
