import type pg from "pg";
import { expect } from "vitest";
import { connectTo, withClient } from "./database.ts";

/** Stands in a gateway's way at a chosen statement by holding a lock in its database, without a word in the product. */
export class LockHolder {
  readonly #url: string;
  #held: pg.Client[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  /** Takes locks by a statement and keeps them. */
  async hold(statement: string): Promise<void> {
    const client = await connectTo(this.#url);
    this.#held.push(client);
    await client.query("begin");
    await client.query(statement);
  }

  /** Lets every transaction that writes into a table from now on wait at its commit. */
  async holdCommits(table: string): Promise<void> {
    await this.query(`
      create or replace function wait_to_commit() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
      drop trigger if exists wait_to_commit on ${table};
      create constraint trigger wait_to_commit after insert on ${table}
        deferrable initially deferred for each row execute function wait_to_commit()`);
    await this.hold("select pg_advisory_xact_lock(1)");
  }

  /** Resolves when a statement of the gateway that matches waits for a lock. */
  async stopped(statement: RegExp): Promise<void> {
    const waiting = () =>
      this.query<{ query: string }>("select query from pg_stat_activity where wait_event_type = 'Lock'");
    await expect
      .poll(async () => (await waiting()).some(({ query }) => statement.test(query)), { timeout: 20_000 })
      .toBe(true);
  }

  /** Ends the sessions of a process that is dead: the server itself would finish the statement they wait in. */
  async endOthers(): Promise<void> {
    const own = this.#held.map((client) => (client as unknown as { processID: number }).processID);
    await this.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and pid <> all($1)`,
      [own],
    );
  }

  /** Gives up the locks, the oldest first. */
  async release(count = this.#held.length): Promise<void> {
    for (const client of this.#held.splice(0, count)) await client.end();
  }

  async query<R extends pg.QueryResultRow>(statement: string, values: unknown[] = []): Promise<R[]> {
    const { rows } = await withClient(this.#url, (client) => client.query<R>(statement, values));
    return rows;
  }
}
