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
export const purge = (db: Kysely<Schema>, table: keyof Schema, isDue: RawBuilder<unknown>): Promise<number> =>
  inBatches(db, { table, isDue }, (batch) => sql`delete from ${sql.table(table)} where ${batch}`);

/** Runs a statement over what is due, a batch at a time; afterwards those rows must be due no more. */
export async function inBatches(
  db: Kysely<Schema>,
  { table, isDue }: { table: keyof Schema; isDue: RawBuilder<unknown> },
  statementOver: (batch: RawBuilder<unknown>) => RawBuilder<unknown>,
): Promise<number> {
  const batch = sql`${isDue} and ctid = any(array(
    select ctid from ${sql.table(table)} where ${isDue} limit ${rowsAtOnce}))`;
  for (let total = 0; ; ) {
    const { numAffectedRows = 0n } = await statementOver(batch).execute(db);
    total += Number(numAffectedRows);
    if (numAffectedRows < rowsAtOnce) return total;
  }
}
