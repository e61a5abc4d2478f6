import { randomBytes } from "node:crypto";
import pg from "pg";
import { openDatabase } from "../../src/store/database.ts";

/** A new database without tables on the test server; the run's end drops it. */
export const emptyDatabase = (): Promise<string> => createDatabase();

/** A new database of the newest schema without rows on the test server; the run's end drops it. */
export const freshDatabase = (): Promise<string> =>
  createDatabase(`template ${templateOf(runDatabases().prefix)}`);

/** `freshDatabase`; outside a test run, as in a script, nothing. */
export const databaseOfRun = (): Promise<string> | undefined =>
  process.env.TEST_DATABASE_URL ? freshDatabase() : undefined;

/** Makes what `freshDatabase` copies: a copy costs a third of the migrations. */
export async function createTemplate(url: string, prefix: string): Promise<void> {
  const name = templateOf(prefix);
  await withClient(url, (client) => client.query(`create database ${name}`));
  await (await openDatabase({ url: databaseUrl(url, name), dataDir: "" })).close();
}

const templateOf = (prefix: string): string => `${prefix}template`;

function runDatabases() {
  const { TEST_DATABASE_URL: url, TEST_DATABASE_PREFIX: prefix } = process.env;
  if (!url || !prefix) throw new Error("run through vitest: test/support/servers.ts starts the database");
  return { url, prefix };
}

async function createDatabase(like = ""): Promise<string> {
  const { url, prefix } = runDatabases();
  const name = prefix + randomBytes(6).toString("hex");
  await withClient(url, (client) => client.query(`create database ${name} ${like}`));
  return databaseUrl(url, name);
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
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

/** A connection of a test's own; when the server ends it, its queries say so. */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // without a listener its end would end the test run
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Work on a connection that is closed afterwards. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connectTo(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
