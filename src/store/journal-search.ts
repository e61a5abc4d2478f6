import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import { readRow } from "./journal-circumstances.ts";
import { field, isUnlisted, isWithin, type Reach, unlistedGroups } from "./journal-fields.ts";
import { hiddenAction, type JournalRow } from "./journal-format.ts";
import { type EntryName, entryKey } from "./journal-index.ts";
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

export interface JournalQuery extends Reach {
  place?: Place;
  requestId?: string;
  /** whose data it was */
  subject?: string;
  /** who acted */
  agent?: string;
  /** what was done */
  action?: string;
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

// more groups than this wait to be listed only after an update or a long standstill of the indexer
const fewGroups = 1_000;

export type SearchJournal = (query: JournalQuery) => Promise<FoundRow[]>;

/**
 * Journal rows that meet every criterion given, in the order of their places, which no clock changes: newest first, or
 * the nearest to `beyond` first. What the index has a key for is read from it; for the rest, and while the index
 * does not reach them, rows are walked from the newest.
 */
export const journalSearch =
  ({ db, keyring }: { db: Kysely<Schema>; keyring: Pick<Keyring, "hmac" | "open"> }): SearchJournal =>
  async (query) => {
    const { isFar, isPlaced } = await reachOfIndex(db);
    const keys = query.place ? [] : keysOf(query, keyring, isPlaced);
    const found = keys.length > 0 ? listedRows(query, keys, isFar) : walkedRows(query, sql`journal`);
    const { rows } = await sql<{ group_id: number; n: number; row: string }>`${found}`.execute(db);
    return rows.map(({ group_id, n, row }) => ({
      place: { group: group_id, n },
      row: readRow(keyring, row),
    }));
  };

/**
 * What the index may be asked for, the rarest first; a remit is more organisations than one, and in a journal of before
 * organisations are listed last.
 */
function keysOf(
  { requestId, subject, agent, organization, remit }: JournalQuery,
  keyring: Pick<Keyring, "hmac">,
  isPlaced: boolean,
): string[] {
  const tenant = remit || !isPlaced ? undefined : organization;
  const entries = Object.entries({ requestId, subject, agent, tenant }) as [EntryName, string | undefined][];
  return entries.flatMap(([name, value]) => (value ? [entryKey(keyring, name, value)] : []));
}

interface IndexReach {
  /** it is still being filled over a journal of before */
  isFar: boolean;
  /** all that it lists it lists by organisation and holder too */
  isPlaced: boolean;
}

async function reachOfIndex(db: Kysely<Schema>): Promise<IndexReach> {
  const { rows } = await sql<IndexReach>`
    select (select position from journal_head) - position > ${fewGroups}::int8 as "isFar",
      placed >= unplaced_until as "isPlaced"
    from journal_index`.execute(db);
  return rows[0] ?? { isFar: false, isPlaced: false };
}

/**
 * Rows of the groups that are listed under every key, and of the groups that are not listed yet: few of these are
 * gathered first, many are met on a walk from the newest, which ends with the page.
 */
function listedRows(query: JournalQuery, [rarest, ...others]: string[], isFar: boolean): RawBuilder<unknown> {
  const { beyond } = query;
  const listed = [
    sql`key = ${rarest}::uuid`,
    ...others.map(
      (key) => sql`exists (select from journal_entry other
        where other.key = ${key}::uuid and other.in_group = journal_entry.in_group)`,
    ),
    // a bound of the view does not reach the index
    ...(beyond ? [isGroupWithin(beyond, sql.ref("in_group"))] : []),
  ];
  const unlisted = isFar
    ? walkedRows(query, sql`journal`, [isUnlisted])
    : walkedRows(query, sql`unlisted join journal on group_id = unlisted.id`);
  return sql`
    with unlisted as materialized (${unlistedGroups})
    select * from (
      (${walkedRows(query, sql`journal_entry join journal on group_id = in_group`, listed)})
      union all
      (${unlisted})
    ) as found ${orderOf(query)}`;
}

const walkedRows = (
  query: JournalQuery,
  from: RawBuilder<unknown>,
  listed: readonly RawBuilder<unknown>[] = [],
) => {
  const conditions = [...listed, ...conditionsOf(query)];
  return sql`
    select group_id, n, row from ${from}
    where ${sql.join([sql`true`, ...conditions], sql` and `)} ${orderOf(query)}`;
};

const orderOf = ({ beyond, limit }: JournalQuery) => {
  const order = sql.raw(beyond?.direction === "newer" ? "asc" : "desc");
  return sql`order by group_id ${order}, n ${order} limit ${limit}`;
};

function conditionsOf(query: JournalQuery): RawBuilder<unknown>[] {
  const { place, since, before, beyond } = query;
  const found: RawBuilder<unknown>[] = [];
  for (const name of ["requestId", "subject", "agent", "action"] as const)
    if (query[name] !== undefined) found.push(sql`${field[name]} = ${query[name]}`);
  if (query.organization !== undefined) found.push(isWithin(query));
  if (place) found.push(sql`group_id = ${place.group} and n = ${place.n}`);
  if (query.told) found.push(sql`${field.action} !~ ${`^(repeated )?${hiddenAction}`}`);
  if (since !== undefined) found.push(sql`${field.at} >= ${since}`);
  if (before !== undefined) found.push(sql`${field.at} < ${before}`);
  if (beyond) found.push(isBeyond(beyond));
  return found;
}

type Beyond = NonNullable<JournalQuery["beyond"]>;

const isGroupWithin = ({ place, direction }: Beyond, group: RawBuilder<unknown>) =>
  sql`${group} ${sql.raw(direction === "newer" ? ">=" : "<=")} ${place.group}::int8`;

/** The group is also compared alone: a comparison of rows does not reach the primary key through the view. */
const isBeyond = (beyond: Beyond) =>
  sql`${isGroupWithin(beyond, sql.ref("group_id"))}
    and (group_id, n) ${sql.raw(beyond.direction === "newer" ? ">" : "<")}
      (${beyond.place.group}::int8, ${beyond.place.n}::int)`;
