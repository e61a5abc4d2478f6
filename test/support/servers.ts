import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { seedFile } from "../../src/store/pglite.ts";
import { dropDatabases } from "./database.ts";
import { startPostgres } from "./postgres-server.ts";
import { projectRoot } from "./project-files.ts";
import { startRedis } from "./redis-server.ts";

/**
 * Gives the workers TEST_REDIS_URL and TEST_DATABASE_URL: servers started here, or those of REDIS_URL and
 * DATABASE_URL. Returns the teardown, which vitest runs after failed tests too.
 */
export async function setup(): Promise<() => Promise<void>> {
  // a new migration wants a new seed
  if (!existsSync(seedFile)) await promisify(execFile)("npm", ["run", "prepare"], { cwd: projectRoot });
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.reverse()) await stop();
  };
  try {
    const given = { redis: process.env.REDIS_URL, database: process.env.DATABASE_URL };
    if (!given.redis) {
      const redis = await startRedis();
      stops.push(() => redis.server.stop());
      given.redis = redis.url;
    }
    const prefix = `gateway_test_${randomBytes(4).toString("hex")}_`;
    if (given.database) {
      const url = given.database;
      stops.push(() => dropDatabases(url, prefix));
    } else {
      const postgres = await startPostgres();
      stops.push(postgres.remove);
      given.database = postgres.url;
    }
    process.env.TEST_REDIS_URL = given.redis;
    process.env.TEST_DATABASE_URL = given.database;
    process.env.TEST_DATABASE_PREFIX = prefix;
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}
