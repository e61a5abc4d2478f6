import { randomBytes } from "node:crypto";
import pg from "pg";

/** A new empty database on the test server; the run's end drops it. */
export async function freshDatabase(): Promise<string> {
  const { TEST_DATABASE_URL: url, TEST_DATABASE_PREFIX: prefix } = process.env;
  if (!url || !prefix) throw new Error("run through vitest: test/support/servers.ts starts the database");
  const name = prefix + randomBytes(6).toString("hex");
  await withClient(url, (client) => client.query(`create database ${name}`));
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  return fresh.href;
}

/** Drops every database whose name begins with `prefix`, open connections or not. */
export async function dropDatabases(url: string, prefix: string): Promise<void> {
  await withClient(url, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [prefix],
    );
    for (const { datname } of found.rows) await client.query(`drop database ${datname} with (force)`);
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
