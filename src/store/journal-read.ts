import type { Kysely, Selectable } from "kysely";
import { type HashedRow, rowsOf } from "./journal-format.ts";
import type { Schema } from "./schema.ts";

export interface ReadGroup {
  id: number;
  rowCount: number;
  digest: string;
  mac: string;
  position: number | null;
  rowsBefore: number | null;
  chain: string | null;
  rows: HashedRow[];
}

/** A group as it is listed. */
export interface ListedGroup {
  id: number;
  /** canonical texts */
  rows: readonly string[];
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
    yield* groups.map(readGroup);
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
    yield* groups.map(readGroup);
    const last = groups.at(-1)?.id;
    if (last === undefined) return;
    after = last;
  }
}

/** The last place that the sealer gave; 0 when none. */
export async function lastPosition(db: Kysely<Schema>): Promise<number> {
  const { last } = await db
    .selectFrom("journal_group")
    .select((group) => group.fn.max("position").as("last"))
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

const readGroup = ({
  row_count,
  rows_before,
  lines,
  ...group
}: Selectable<Schema["journal_group"]>): ReadGroup => ({
  ...group,
  rowCount: row_count,
  rowsBefore: rows_before,
  rows: rowsOf(lines),
});
