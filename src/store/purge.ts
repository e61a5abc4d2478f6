import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

const rowsAtOnce = 1_000;

/** Deletes rows that expired before `now` in short statements, so that none holds its rows for long; returns how many. */
export async function purgeExpired(
  db: Kysely<Schema>,
  table: "idempotency" | "one_time_value",
  now: number,
): Promise<number> {
  const name = sql.table(table);
  for (let total = 0; ; ) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${name} where expires_at < ${now} and ctid = any(array(
        select ctid from ${name} where expires_at < ${now} limit ${rowsAtOnce}))`.execute(db);
    total += Number(numAffectedRows);
    if (numAffectedRows < rowsAtOnce) return total;
  }
}
