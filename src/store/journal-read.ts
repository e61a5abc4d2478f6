import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

export interface ReadGroup {
  id: number;
  rowCount: number;
  digest: string;
  mac: string;
  position: number | null;
  rowsBefore: number | null;
  chain: string | null;
  rows: { n: number; row: string; mac: string }[];
}

const groupsAtOnce = 100;

/** Sealed groups by place, up to and with `lastPosition`; memory holds one batch. */
export async function* sealedGroups(db: Kysely<Schema>, lastPosition: number): AsyncGenerator<ReadGroup> {
  for (let after = 0; ; ) {
    const groups = await db
      .selectFrom("journal_group")
      .selectAll()
      .where("position", ">", after)
      .where("position", "<=", lastPosition)
      .orderBy("position")
      .limit(groupsAtOnce)
      .execute();
    yield* await withRows(db, groups);
    const last = groups.at(-1)?.position;
    if (last === undefined || last === null) return;
    after = last;
  }
}

/** Groups that the sealer has not linked, by id. */
export async function* unsealedGroups(db: Kysely<Schema>, sealedPosition: number): AsyncGenerator<ReadGroup> {
  for (let after = 0; ; ) {
    const groups = await db
      .selectFrom("journal_group")
      .selectAll()
      // what is sealed while we read still counts as tail of the head that we began with
      .where((group) => group.or([group("position", "is", null), group("position", ">", sealedPosition)]))
      .where("id", ">", after)
      .orderBy("id")
      .limit(groupsAtOnce)
      .execute();
    yield* await withRows(db, groups);
    const last = groups.at(-1)?.id;
    if (last === undefined) return;
    after = last;
  }
}

/** Rows that belong to no group: nothing of ours writes such. */
export async function countOrphans(db: Kysely<Schema>): Promise<number> {
  const { orphans } = await db
    .selectFrom("journal")
    .leftJoin("journal_group", "journal_group.id", "journal.group_id")
    .where("journal_group.id", "is", null)
    .select((row) => row.fn.countAll<number>().as("orphans"))
    .executeTakeFirstOrThrow();
  return orphans;
}

/** The last place that the sealer gave; 0 when none. */
export async function lastPosition(db: Kysely<Schema>): Promise<number> {
  const { last } = await db
    .selectFrom("journal_group")
    .select((group) => group.fn.max("position").as("last"))
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

interface GroupRow {
  id: number;
  row_count: number;
  digest: string;
  mac: string;
  position: number | null;
  rows_before: number | null;
  chain: string | null;
}

async function withRows(db: Kysely<Schema>, groups: GroupRow[]): Promise<ReadGroup[]> {
  if (groups.length === 0) return [];
  const ids = groups.map((group) => group.id);
  const rows = await db
    .selectFrom("journal")
    .selectAll()
    .where("group_id", "in", ids)
    .orderBy("group_id")
    .orderBy("n")
    .execute();
  const byGroup = new Map<number, ReadGroup["rows"]>(ids.map((id) => [id, []]));
  for (const { group_id, n, row, mac } of rows) byGroup.get(group_id)?.push({ n, row, mac });
  return groups.map(({ row_count, rows_before, ...group }) => ({
    ...group,
    rowCount: row_count,
    rowsBefore: rows_before,
    rows: byGroup.get(group.id) ?? [],
  }));
}
