import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import { field, isUnplaced, isWithin, placeOf, type Reach, unlistedGroups } from "./journal-fields.ts";
import { memberText } from "./journal-format.ts";
import type { ListedGroup } from "./journal-read.ts";
import type { Schema } from "./schema.ts";

export interface AccessCount {
  /** in which somebody acted; "" for people in person */
  organization: string;
  /** whose data it was; "" for the tenant's own */
  holder: string;
  action: string;
  /** "" where the access was to none */
  resourceType: string;
  outcome: string;
  count: number;
}

/** Clock milliseconds: from, and up to but without. */
export interface Period {
  since: number;
  before: number;
}

export type CountJournal = (query: Period & Reach) => Promise<AccessCount[]>;

const hourMs = 3_600_000;
const mostCounts = 10_000;

/**
 * How often each organisation did what with what result, in a period: whole hours as they were counted, rows of the
 * hours that the period cuts, and what is not counted yet.
 */
export const countJournal =
  (db: Kysely<Schema>): CountJournal =>
  async ({ since, before, ...reach }) => {
    const [first, end] = [Math.ceil(since / hourMs), Math.floor(before / hourMs)];
    const cut = new Set([...(since % hourMs ? [first - 1] : []), ...(before % hourMs ? [end] : [])]);
    const walked = [sql`group_id = any(array(${unlistedGroups}))`, ...[...cut].map(isListedOf)];
    const { rows } = await sql<AccessCount>`
      select organization, holder, action, "resourceType", outcome, sum(count)::int8 as count from (
        select ${placeOf(column)} as organization, holder, action, resource_type as "resourceType", outcome, count
        from journal_hour where hour >= ${first} and hour < ${end} and ${isWithin(reach, column)}
        union all
        ${sql.join(
          walked.map((where) => rowsIn(where, { since, before }, reach)),
          sql` union all `,
        )}
        union all
        ${movesIn({ first, end }, reach)}
      ) as counted
      group by 1, 2, 3, 4, 5 having sum(count) <> 0 order by 1, 6 desc limit ${mostCounts}`.execute(db);
    return rows;
  };

type Places = Parameters<typeof placeOf>[0] & { holder: RawBuilder<string> };

const column = {
  tenant: sql.ref<string>("tenant"),
  organization: sql.ref<string>("organization"),
  holder: sql.ref<string>("holder"),
};

/** Rows of an hour that the period cuts, which lie between two groups; what is not listed is counted by itself. */
const isListedOf = (hour: number) => sql`
  group_id >= (select min(first_group) from journal_hour where hour = ${hour})
  and group_id <= (select max(last_group) from journal_hour where hour = ${hour})
  and exists (select from journal_group
    where id = group_id and position <= (select position from journal_index))
  and ${field.at} / ${sql.lit(hourMs)} = ${hour}`;

const rowsIn = (where: RawBuilder<unknown>, { since, before }: Period, reach: Reach) =>
  countedRows(sql`${where} and ${field.at} >= ${since} and ${field.at} < ${before}`, reach);

const countedRows = (where: RawBuilder<unknown>, reach: Reach, places: Places = field, count = 1) => sql`
  select ${placeOf(places)}, ${places.holder}, ${field.action}, ${field.resourceType}, ${field.outcome},
    ${sql.lit(count)}
  from journal where ${where} and ${isWithin(reach, places)}`;

const none = sql<string>`''`;

/** Of whole hours the rows that are counted under their tenant alone so far, from there to where they belong. */
function movesIn({ first, end }: { first: number; end: number }, reach: Reach) {
  const unplaced = sql`
    group_id = any(array(select id from journal_group where ${isUnplaced}
      and id >= (select min(first_group) from journal_hour where hour >= ${first} and hour < ${end})
      and id <= (select max(last_group) from journal_hour where hour >= ${first} and hour < ${end})))
    and ${field.at} / ${sql.lit(hourMs)} >= ${first} and ${field.at} / ${sql.lit(hourMs)} < ${end}
    and (${field.organization} <> '' or ${field.holder} <> '')`;
  return sql`
    ${countedRows(unplaced, reach)}
    union all
    ${countedRows(unplaced, reach, { tenant: field.tenant, organization: none, holder: none }, -1)}`;
}

type RowCounts = [of: CountedAs, count: number][];

/** A row counts once. */
export const rowCountsOf = (row: string): RowCounts => [[countedAs(row), 1]];

/** A row that was counted under its tenant alone goes to where it belongs: the tenant's sum never changes. */
export function placeCountsOf(row: string): RowCounts {
  const of = countedAs(row);
  const [hour, tenant, organization, holder, ...deed] = of;
  if (!organization && !holder) return [];
  return [
    [of, 1],
    [[hour, tenant, "", "", ...deed], -1],
  ];
}

/** Adds rows to the counts of their hours, and their groups to where rows of these hours lie. */
export async function addHourCounts(
  trx: Transaction<Schema>,
  groups: readonly ListedGroup[],
  countsOf: (row: string) => RowCounts,
): Promise<void> {
  const counts = new Map<string, { of: CountedAs; count: number; first: number; last: number }>();
  for (const { id, rows } of groups)
    for (const [of, more] of rows.flatMap(countsOf)) {
      const key = JSON.stringify(of);
      const { count, first, last } = counts.get(key) ?? { count: 0, first: id, last: id };
      counts.set(key, { of, count: count + more, first: Math.min(first, id), last: Math.max(last, id) });
    }
  const added = [...counts.values()];
  const texts = ([1, 2, 3, 4, 5, 6] as const).map((n) => sql`${added.map(({ of }) => of[n])}::text[]`);
  const numbers = (["count", "first", "last"] as const).map(
    (name) => sql`${added.map((one) => one[name])}::int8[]`,
  );
  await sql`
    insert into journal_hour
      (hour, tenant, organization, holder, action, resource_type, outcome, count, first_group, last_group)
    select * from unnest(${added.map(({ of }) => of[0])}::int8[], ${sql.join([...texts, ...numbers])})
    on conflict (hour, tenant, organization, holder, action, resource_type, outcome) do update set
      count = journal_hour.count + excluded.count,
      first_group = least(journal_hour.first_group, excluded.first_group),
      last_group = greatest(journal_hour.last_group, excluded.last_group)`.execute(trx);
}

type CountedAs = [
  hour: number,
  tenant: string,
  organization: string,
  holder: string,
  ...deed: [action: string, resourceType: string, outcome: string],
];

const countedAs = (row: string): CountedAs => [
  // a row begins with its time
  Math.floor(Number.parseInt(row.slice('{"at":'.length), 10) / hourMs),
  memberText(row, "tenant"),
  memberText(row, "organization"),
  memberText(row, "holder"),
  memberText(row, "action"),
  memberText(row, "resourceType"),
  memberText(row, "outcome"),
];
