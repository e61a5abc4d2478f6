import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { seedFile } from "../../src/store/pglite.ts";
import { compileProject } from "./compiled.ts";
import { createTemplate, dropDatabases } from "./database.ts";
import { startPostgres } from "./postgres-server.ts";
import { projectRoot } from "./project-files.ts";
import { startRedis } from "./redis-server.ts";
import { makeSandboxKeys } from "./sandbox-keys.ts";

/**
 * Gives the workers TEST_REDIS_URL and TEST_DATABASE_URL: servers started here, or those of REDIS_URL and
 * DATABASE_URL; TEST_COMPILED, the project as JavaScript; and TEST_SANDBOX_KEYS, a data folder of keys. Returns the
 * teardown, which vitest runs after failed tests too.
 */
export async function setup(): Promise<() => Promise<void>> {
  // a new migration wants a new seed
  if (!existsSync(seedFile)) await promisify(execFile)("npm", ["run", "prepare"], { cwd: projectRoot });
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.reverse()) await stop();
  };
  try {
    const compiled = await compileProject();
    stops.push(compiled.remove);
    process.env.TEST_COMPILED = compiled.folder;
    const keys = await mkdtemp(join(tmpdir(), "gateway-keys-"));
    stops.push(() => rm(keys, { recursive: true }));
    makeSandboxKeys(keys);
    process.env.TEST_SANDBOX_KEYS = keys;
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
    await createTemplate(given.database, prefix);
    process.env.TEST_REDIS_URL = given.redis;
    process.env.TEST_DATABASE_URL = given.database;
    process.env.TEST_DATABASE_PREFIX = prefix;
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}
