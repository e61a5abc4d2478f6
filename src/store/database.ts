import { join } from "node:path";
import { Kysely, PostgresDialect, type PostgresPool } from "kysely";
import type pg from "pg";
import { type Logger, silentLogger } from "../core/logger.ts";
import { takeDataFolder } from "./data-folder.ts";
import { migrate } from "./migrations.ts";
import { EmbeddedServer } from "./pglite.ts";
import { StorePool } from "./pool.ts";
import type { Schema } from "./schema.ts";

/** One set of connections: statements of Kysely, and by hand. */
interface Connections {
  db: Kysely<Schema>;
  pool: StorePool;
}

/** Connections are kept apart, so that slow statements of one use leave the others theirs. */
export interface OpenDatabase extends Connections {
  /** short statements without which nothing is answered: journal, readiness, one-time values */
  vital: Connections;
  /** searches, whose cost a caller chooses */
  searches: Kysely<Schema>;
  engine: "postgres" | "pglite";
  /** throws `store-unavailable` when the database does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** PostgreSQL 15 or newer; absent: the embedded database */
  url?: string;
  /** folder of the embedded database, or `memory://` */
  dataDir: string;
  /** PostgreSQL ends a longer statement */
  statementTimeoutMs?: number;
  /** connections of this process to PostgreSQL, at least 6 */
  connections?: number;
  log?: Logger;
}

const inMemory = "memory://";

const vitalConnections = 3;
// a request waits for its journal row
const vitalTimeoutMs = 3_000;

const limits: pg.PoolConfig = {
  connectionTimeoutMillis: 3_000,
  idle_in_transaction_session_timeout: 30_000,
  keepAlive: true,
};

/** Opens PostgreSQL or the embedded database and migrates it; throws `store-unavailable` when it can't be reached. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  return options.url ? openPostgres(options.url, options) : openEmbedded(options);
}

async function openPostgres(url: string, options: DatabaseOptions): Promise<OpenDatabase> {
  const { statementTimeoutMs = 10_000, connections = 16, log = silentLogger } = options;
  // a migration may run long, and several replicas wait here for one
  const patient = { connectionString: url, max: 1, connectionTimeoutMillis: limits.connectionTimeoutMillis };
  const migrating = new StorePool(patient, log);
  try {
    await migrate(kyselyOf(migrating));
  } finally {
    await migrating.end();
  }
  // a statement ends on the server first; the driver's own limit is for a server that went silent
  const timeouts = { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + 2_000 };
  const vitalTimeout = Math.min(vitalTimeoutMs, statementTimeoutMs);
  const vitalTimeouts = { statement_timeout: vitalTimeout, query_timeout: vitalTimeout };
  const poolOf = (max: number, own = timeouts) =>
    new StorePool({ ...limits, ...own, max, connectionString: url }, log);
  const searching = Math.floor((connections - vitalConnections) / 3);
  const pools = {
    vital: poolOf(vitalConnections, vitalTimeouts),
    searches: poolOf(searching),
    rest: poolOf(connections - vitalConnections - searching),
  };
  return {
    ...opened(pools),
    engine: "postgres",
    close: async () => void (await Promise.all(Object.values(pools).map((pool) => pool.end()))),
  };
}

async function openEmbedded({ dataDir, log = silentLogger }: DatabaseOptions): Promise<OpenDatabase> {
  const release = dataDir === inMemory ? () => {} : takeDataFolder(dataDir);
  let server: EmbeddedServer;
  try {
    server = await EmbeddedServer.open(dataDir === inMemory ? inMemory : join(dataDir, "pg"));
  } catch (error) {
    release();
    throw error;
  }
  const session = { user: "postgres", database: "postgres", ssl: false, max: 1, idleTimeoutMillis: 0 };
  const stream = () => server.connect();
  const pool = new StorePool({ ...session, stream, connectionTimeoutMillis: 10_000 }, log);
  const close = async () => {
    await pool.end();
    await server.close();
    release();
  };
  try {
    await migrate(kyselyOf(pool));
  } catch (error) {
    await close();
    throw error;
  }
  // it has one session only
  return { ...opened({ vital: pool, searches: pool, rest: pool }), engine: "pglite", close };
}

function opened({
  vital,
  searches,
  rest,
}: Record<"vital" | "searches" | "rest", StorePool>): Omit<OpenDatabase, "engine" | "close"> {
  return {
    ...connectionsOf(rest),
    vital: connectionsOf(vital),
    searches: kyselyOf(searches),
    ping: async () => {
      await vital.query("select 1");
    },
  };
}

const connectionsOf = (pool: StorePool): Connections => ({ db: kyselyOf(pool), pool });

/** Kysely on our pool; whoever opened the pool ends it, so `db.destroy()` is never called. */
function kyselyOf(pool: StorePool): Kysely<Schema> {
  // our connections take statements only: Kysely's cursor overload is for streaming, which we don't use
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: pool as unknown as PostgresPool }) });
}
