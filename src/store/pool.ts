import pg from "pg";
import { GatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { isStatementTimeout, isUnavailable, storeUnavailable } from "./store-errors.ts";

const { builtins } = pg.types;

/** int8 is a number (our counters stay far below 2^53), a date stays text: a JS Date would shift it. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (format === "binary") return pg.types.getTypeParser(oid, "binary");
    if (oid === builtins.INT8) return Number;
    if (oid === builtins.DATE) return String;
    return pg.types.getTypeParser(oid, "text");
  },
};

export interface Statement {
  /** a name makes the statement prepared once on each connection */
  name?: string;
  text: string;
  values?: unknown[];
}

/** One connection on loan; every error that means "the database is away" comes out as `store-unavailable`. */
export class StoreConnection {
  readonly #client: pg.PoolClient;
  #broken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async query<R extends pg.QueryResultRow>(
    statement: string | Statement,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<R>> {
    try {
      return await (typeof statement === "string"
        ? this.#client.query<R>(statement, values ? [...values] : undefined)
        : this.#client.query<R>(statement));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      if (!isStatementTimeout(error)) this.#broken = true;
      throw storeUnavailable(error);
    }
  }

  /** Gives the connection back; one that failed is closed, so that nobody waits on a half-read answer. */
  release(): void {
    this.#client.release(this.#broken);
  }
}

/** Connections to the database for one use of it. */
export class StorePool {
  readonly #pool: pg.Pool;
  readonly #max: number;

  constructor(config: pg.PoolConfig & { max: number }, log: Logger) {
    this.#max = config.max;
    this.#pool = new pg.Pool({ ...config, types });
    // a client on loan has no listener of the pool's, and an unheard error event would end the process; the client's
    // next statement fails, and pg closes it when it comes back
    this.#pool.on("connect", (client) => client.on("error", () => undefined));
    this.#pool.on("error", (error) =>
      log.warn({ reason: error.message }, "an idle store connection was lost"),
    );
  }

  async connect(): Promise<StoreConnection> {
    try {
      return new StoreConnection(await this.#pool.connect());
    } catch (error) {
      // all are on loan and none came back in time: the database itself may be well
      const isBusy = this.#pool.idleCount === 0 && this.#pool.totalCount >= this.#max;
      throw isBusy ? new GatewayError("overloaded", { cause: error }) : storeUnavailable(error);
    }
  }

  async query<R extends pg.QueryResultRow>(statement: string | Statement): Promise<pg.QueryResult<R>> {
    const connection = await this.connect();
    try {
      return await connection.query<R>(statement);
    } finally {
      connection.release();
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}
