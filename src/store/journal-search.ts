import { type Kysely, sql } from "kysely";
import type { JournalRow } from "./journal-format.ts";
import type { Schema } from "./schema.ts";

/** Where a row stands; unique and stable. */
export interface FoundRow {
  /** group and number in it */
  place: string;
  row: JournalRow;
}

export interface JournalQuery {
  /** rows of other tenants are never found */
  tenant?: string;
  requestId?: string;
  /** whose data it was */
  subject?: string;
  /** who acted */
  agent?: string;
  /** clock milliseconds, inclusive */
  since?: number;
  /** clock milliseconds, exclusive */
  before?: number;
  limit: number;
}

// spelled as the indexes of migration 010 have them
const field = {
  requestId: sql<string>`row::jsonb ->> 'requestId'`,
  subject: sql<string>`row::jsonb ->> 'subject'`,
  agent: sql<string>`coalesce(row::jsonb ->> 'onBehalfOf', row::jsonb ->> 'actorId')`,
  tenant: sql<string>`row::jsonb ->> 'tenant'`,
  at: sql<number>`(row::jsonb ->> 'at')::int8`,
};

/** Journal rows that meet every criterion given, newest first. */
export async function searchJournal(db: Kysely<Schema>, query: JournalQuery): Promise<FoundRow[]> {
  let found = db.selectFrom("journal").select(["group_id", "n", "row"]);
  for (const name of ["requestId", "subject", "agent", "tenant"] as const)
    if (query[name] !== undefined) found = found.where(field[name], "=", query[name]);
  if (query.since !== undefined) found = found.where(field.at, ">=", query.since);
  if (query.before !== undefined) found = found.where(field.at, "<", query.before);
  const rows = await found.orderBy(field.at, "desc").limit(query.limit).execute();
  return rows.map(({ group_id, n, row }) => ({ place: `${group_id}.${n}`, row: JSON.parse(row) }));
}
