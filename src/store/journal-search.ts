import { type Kysely, sql } from "kysely";
import { hiddenAction, type JournalRow } from "./journal-format.ts";
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
  /** with `tenant`, rows of these tenants and of those whose OID lies below them are found too */
  remit?: readonly string[];
  place?: Place;
  requestId?: string;
  /** whose data it was */
  subject?: string;
  /** who acted */
  agent?: string;
  /** without what whoever acted was not told */
  told?: boolean;
  /** clock milliseconds, inclusive */
  since?: number;
  /** clock milliseconds, exclusive */
  before?: number;
  /** only rows that were committed before this one, or after it, the nearest of them first */
  beyond?: { place: Place; direction: "older" | "newer" };
  limit: number;
}

export type SearchJournal = (query: JournalQuery) => Promise<FoundRow[]>;

/** Text of a row's member; "" when it has none. */
const memberOf = (name: keyof JournalRow) =>
  sql<string>`split_part(split_part(row, ${sql.lit(`"${name}":"`)}, 2), '"', 1)`;

// cut out, not read as json: PostgreSQL refuses json text with NUL, and such a row is found too; a quote inside a
// value is escaped, so no value looks like a field
const field = {
  requestId: memberOf("requestId"),
  subject: memberOf("subject"),
  agent: sql<string>`coalesce(nullif(${memberOf("onBehalfOf")}, ''), ${memberOf("actorId")})`,
  tenant: memberOf("tenant"),
  action: memberOf("action"),
  resourceType: memberOf("resourceType"),
  outcome: memberOf("outcome"),
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
  for (const name of ["requestId", "subject", "agent"] as const)
    if (query[name] !== undefined) found = found.where(field[name], "=", query[name]);
  if (query.tenant !== undefined) found = found.where(isOf(query.tenant, query.remit));
  if (query.place) found = found.where("group_id", "=", query.place.group).where("n", "=", query.place.n);
  if (query.told) found = found.where(sql<boolean>`${field.action} !~ ${`^(repeated )?${hiddenAction}`}`);
  if (query.since !== undefined) found = found.where(field.at, ">=", query.since);
  if (query.before !== undefined) found = found.where(field.at, "<", query.before);
  if (query.beyond) found = found.where(isBeyond(query.beyond));
  const order = query.beyond?.direction === "newer" ? "asc" : "desc";
  const rows = await found.orderBy("group_id", order).orderBy("n", order).limit(query.limit).execute();
  return rows.map(({ group_id, n, row }) => ({ place: { group: group_id, n }, row: JSON.parse(row) }));
}

export interface AccessCount {
  tenant: string;
  action: string;
  /** "" where the access was to none */
  resourceType: string;
  outcome: string;
  count: number;
}

export type CountJournal = (
  query: Required<Pick<JournalQuery, "since" | "before">> & Pick<JournalQuery, "tenant" | "remit">,
) => Promise<AccessCount[]>;

const mostCounts = 10_000;

/** How often each organisation did what with what result, in a period; reads the whole journal once. */
export const countJournal =
  (db: Kysely<Schema>): CountJournal =>
  ({ tenant, remit, since, before }) =>
    db
      .selectFrom("journal")
      .select([
        field.tenant.as("tenant"),
        field.action.as("action"),
        field.resourceType.as("resourceType"),
        field.outcome.as("outcome"),
        sql<number>`count(*)::int`.as("count"),
      ])
      .where(field.at, ">=", since)
      .where(field.at, "<", before)
      .where(isOf(tenant, remit))
      .groupBy([sql`1`, sql`2`, sql`3`, sql`4`])
      .orderBy(sql`1`)
      .orderBy(sql`5`, "desc")
      .limit(mostCounts)
      .execute();

/** True for a row of the tenant, of one of the remit, or of one below those; an OID has no sign that LIKE reads. */
const isOf = (tenant: string | undefined, remit: readonly string[] = []) =>
  sql<boolean>`(${sql.join(
    [
      tenant === undefined ? sql`false` : sql`${field.tenant} = ${tenant}`,
      ...remit.map((oid) => sql`${field.tenant} = ${oid} or ${field.tenant} like ${`${oid}.%`}`),
    ],
    sql` or `,
  )})`;

/** The group is also compared alone: a comparison of rows does not reach the primary key through the view. */
function isBeyond({ place: { group, n }, direction }: NonNullable<JournalQuery["beyond"]>) {
  const [alone, operator] = direction === "newer" ? [">=", ">"] : ["<=", "<"];
  return sql<boolean>`group_id ${sql.raw(alone)} ${group}::int8
    and (group_id, n) ${sql.raw(operator)} (${group}::int8, ${n}::int)`;
}
