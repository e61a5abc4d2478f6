import { type Kysely, sql } from "kysely";
import type { JournalRow } from "./journal-format.ts";
import type { Schema } from "./schema.ts";

/** Where a row stands; unique and stable. */
export interface FoundRow {
  place: Place;
  row: JournalRow;
}

export interface Place {
  group: number;
  /** from 1 within the group */
  n: number;
}

export interface JournalQuery {
  /** rows of other tenants are never found */
  tenant?: string;
  place?: Place;
  requestId?: string;
  /** whose data it was */
  subject?: string;
  /** who acted */
  agent?: string;
  /** clock milliseconds, inclusive */
  since?: number;
  /** clock milliseconds, exclusive */
  before?: number;
  /** only rows that were committed before this one, or after it, the nearest of them first */
  beyond?: { place: Place; direction: "older" | "newer" };
  limit: number;
}

export type SearchJournal = (query: JournalQuery) => Promise<FoundRow[]>;

// cut out, not read as json: PostgreSQL refuses json text with NUL, and such a row is found too; a quote inside a
// value is escaped, so no value looks like a field
const field = {
  requestId: sql<string>`split_part(split_part(row, '"requestId":"', 2), '"', 1)`,
  subject: sql<string>`split_part(split_part(row, '"subject":"', 2), '"', 1)`,
  agent: sql<string>`coalesce(nullif(split_part(split_part(row, '"onBehalfOf":"', 2), '"', 1), ''),
    split_part(split_part(row, '"actorId":"', 2), '"', 1))`,
  tenant: sql<string>`split_part(split_part(row, '"tenant":"', 2), '"', 1)`,
  at: sql<number>`substring(row from '^\\{"at":(\\d+)')::int8`,
};

/**
 * Journal rows that meet every criterion given, in the order of their places, which no clock changes: newest first, or
 * the nearest to `beyond` first. Walks back from the newest row by the primary key: an
 * index on the hot table more than halved what the journal takes (`npm run bench -- journal`), and what people look
 * for is mostly recent.
 */
export async function searchJournal(db: Kysely<Schema>, query: JournalQuery): Promise<FoundRow[]> {
  let found = db.selectFrom("journal").select(["group_id", "n", "row"]);
  for (const name of ["requestId", "subject", "agent", "tenant"] as const)
    if (query[name] !== undefined) found = found.where(field[name], "=", query[name]);
  if (query.place) found = found.where("group_id", "=", query.place.group).where("n", "=", query.place.n);
  if (query.since !== undefined) found = found.where(field.at, ">=", query.since);
  if (query.before !== undefined) found = found.where(field.at, "<", query.before);
  if (query.beyond) found = found.where(isBeyond(query.beyond));
  const order = query.beyond?.direction === "newer" ? "asc" : "desc";
  const rows = await found.orderBy("group_id", order).orderBy("n", order).limit(query.limit).execute();
  return rows.map(({ group_id, n, row }) => ({ place: { group: group_id, n }, row: JSON.parse(row) }));
}

/** The group is also compared alone: a comparison of rows does not reach the primary key through the view. */
function isBeyond({ place: { group, n }, direction }: NonNullable<JournalQuery["beyond"]>) {
  const [alone, operator] = direction === "newer" ? [">=", ">"] : ["<=", "<"];
  return sql<boolean>`group_id ${sql.raw(alone)} ${group}::int8
    and (group_id, n) ${sql.raw(operator)} (${group}::int8, ${n}::int)`;
}
