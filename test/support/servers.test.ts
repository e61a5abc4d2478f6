import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { connectTo, dropDatabases, emptyDatabase, freshDatabase, withClient } from "./database.ts";
import { startPostgres } from "./postgres-server.ts";
import { startRedis } from "./redis-server.ts";

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return (await withClient(url, (client) => client.query(sql))).rows;
}

describe("the servers of a test run", () => {
  it("are a real Redis and a real PostgreSQL with durable commits", async () => {
    const redis = new Redis(process.env.TEST_REDIS_URL!);
    expect(await redis.info("server")).toContain("redis_version");
    redis.disconnect();
    const url = process.env.TEST_DATABASE_URL!;
    expect(await query(url, "show fsync")).toEqual([{ fsync: "on" }]);
    const [version] = await query(url, "select current_setting('server_version_num')::int as number");
    expect(version?.number).toBeGreaterThanOrEqual(150_000);
  });

  it("give each caller a database of its own, migrated or empty, dropped even while a client holds it", async () => {
    const [one, other] = [await freshDatabase(), await freshDatabase()];
    await query(one, "create table seen (id int)");
    expect(await query(other, "select to_regclass('seen') as found")).toEqual([{ found: null }]);
    expect(await query(other, "select count(*)::int as rows from resource")).toEqual([{ rows: 0 }]);
    const inEmpty = await query(await emptyDatabase(), "select to_regclass('resource') as found");
    expect(inEmpty).toEqual([{ found: null }]);
    await connectTo(one);
    await dropDatabases(process.env.TEST_DATABASE_URL!, new URL(one).pathname.slice(1));
    await expect(query(one, "select 1")).rejects.toThrow(/does not exist/);
  });
});

describe("a server that a fault test owns", () => {
  const stops: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  it("is a Redis that can be killed and comes back on the same port", async () => {
    const { url, server } = await startRedis();
    stops.push(() => server.kill());
    const redis = new Redis(url, { retryStrategy: () => 20 });
    redis.on("error", () => undefined);
    await redis.set("key", "value");
    await server.kill();
    await server.start();
    expect(await redis.get("key")).toBeNull();
    redis.disconnect();
  });

  it("is a PostgreSQL that keeps its rows over a restart", async () => {
    const { url, server, remove } = await startPostgres();
    stops.push(remove);
    await query(url, "create table kept as select 1 as id");
    await server.stop();
    await expect(query(url, "select 1")).rejects.toThrow();
    await server.start();
    expect(await query(url, "select id from kept")).toEqual([{ id: 1 }]);
  });
});
