import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "./schema.ts";

const rowsAtOnce = 1_000;

/** Deletes rows that expired before `now`; returns how many. */
export const purgeExpired = (
  db: Kysely<Schema>,
  table: "idempotency" | "one_time_value" | "revocation_answer" | "search_snapshot" | "session",
  now: number,
): Promise<number> => purge(db, table, sql`expires_at < ${now}`);

/** Deletes messages that were delivered before a time, and their deduplication ids; dead ones wait for an operator. */
export const purgeDelivered = (db: Kysely<Schema>, before: number): Promise<number> =>
  purge(db, "outbox", sql`state = 'delivered' and finished_at < ${before}`);

/** Deletes what is due, in short statements, so that none holds its rows for long. */
export async function purge(
  db: Kysely<Schema>,
  table: keyof Schema,
  isDue: RawBuilder<unknown>,
): Promise<number> {
  const name = sql.table(table);
  for (let total = 0; ; ) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${name} where ${isDue} and ctid = any(array(
        select ctid from ${name} where ${isDue} limit ${rowsAtOnce}))`.execute(db);
    total += Number(numAffectedRows);
    if (numAffectedRows < rowsAtOnce) return total;
  }
}
