import { type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import { isUnplaced } from "./journal-fields.ts";
import { memberText, rowsOf } from "./journal-format.ts";
import { addHourCounts, placeCountsOf, rowCountsOf } from "./journal-hours.ts";
import type { ListedGroup } from "./journal-read.ts";
import type { Schema } from "./schema.ts";

export interface IndexParts {
  db: Kysely<Schema>;
  keyring: Keyring;
}

/** What rows are found by without walking the journal; a tenant's also those of what was done in it or to its data. */
export type EntryName = "requestId" | "subject" | "agent" | "tenant";

type Entry = [EntryName, string];

// of one transaction, so that the embedded database's only session is soon free again
const rowsAtOnce = 1_000;

/** Keyed hash of an entry, 128 bits as a UUID: without the key the index does not tell whose rows it lists. */
export const entryKey = (keyring: Pick<Keyring, "hmac">, name: EntryName, value: string): string =>
  Buffer.from(keyring.hmac("journal-index", name, value), "base64url").toString("hex", 0, 16);

/**
 * Lists the next sealed rows by what they are found by and counts them by the hour, in the order of their sealing, then
 * what a journal of before migration 049 lacks; returns how many, 0 when none is left or another replica is at it. What
 * is listed, what is counted and how far that goes are one transaction, so a run may end anywhere.
 */
export async function indexJournal({ db, keyring }: IndexParts): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    const mark = await trx
      .selectFrom("journal_index")
      .selectAll()
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (!mark) return 0;
    return (await listNext(trx, mark, keyring)) || (await listPlaces(trx, mark, keyring));
  });
}

type Mark = Selectable<Schema["journal_index"]>;

async function listNext(trx: Transaction<Schema>, mark: Mark, keyring: Keyring): Promise<number> {
  const { groups, last, rows } = await groupsBehind(trx, mark.position);
  if (last === undefined) return 0;
  await addEntries(trx, entriesOfGroups(groups, keyring));
  await addHourCounts(trx, groups, rowCountsOf);
  await trx
    .updateTable("journal_index")
    .set({ position: last, rows: mark.rows + rows })
    .execute();
  return rows;
}

/** Lists and counts by organisation and holder what was listed before they had a place in the list. */
async function listPlaces(trx: Transaction<Schema>, mark: Mark, keyring: Keyring): Promise<number> {
  const { groups, last, rows } = await groupsBehind(trx, mark.placed, mark.unplaced_until);
  if (last === undefined) return 0;
  await addEntries(trx, entriesOfGroups(groups, keyring, placesOf));
  await addHourCounts(trx, groups, placeCountsOf);
  await trx.updateTable("journal_index").set({ placed: last }).execute();
  return rows;
}

/** The next sealed groups behind a position, of a thousand rows or so. */
async function groupsBehind(trx: Transaction<Schema>, position: number, until?: number) {
  const rowsBefore = trx
    .selectFrom("journal_group")
    .select((group) => group("rows_before", "+", rowsAtOnce).as("end"))
    .where("position", "=", position + 1);
  const found = await trx
    .selectFrom("journal_group")
    .select(["id", "position", "row_count", "lines"])
    .where("position", ">", position)
    .$if(until !== undefined, (groups) => groups.where("position", "<=", Number(until)))
    .where("rows_before", "<", rowsBefore)
    .orderBy("position")
    .limit(rowsAtOnce)
    .execute();
  return {
    groups: found.map(({ id, lines }): ListedGroup => ({ id, rows: rowsOf(lines).map(({ row }) => row) })),
    last: found.at(-1)?.position ?? undefined,
    rows: found.reduce((sum, { row_count }) => sum + row_count, 0),
  };
}

async function addEntries(trx: Transaction<Schema>, entries: RawBuilder<unknown>) {
  await sql`insert into journal_entry (key, in_group) ${entries} on conflict do nothing`.execute(trx);
}

/** Of these groups the first that lacks an entry: what was taken out of the list would be hidden from its person. */
export async function unlistedGroup(
  { db, keyring }: IndexParts,
  groups: readonly ListedGroup[],
): Promise<number | undefined> {
  const { rows } = await sql<{ id: number }>`
    select min(id) as id from (
      ${missing(entriesOfGroups(groups, keyring, ownEntriesOf), sql`true`)}
      union all
      ${missing(entriesOfGroups(groups, keyring, placesOf), sql`not ${isUnplaced}`)}
    ) as missing`.execute(db);
  return rows[0]?.id ?? undefined;
}

const missing = (entries: RawBuilder<unknown>, isDue: RawBuilder<unknown>) => sql`
  select due.id from (${entries}) as due
  where not exists (select from journal_entry where key = due.key and in_group = due.id)
    and exists (select from journal_group
      where id = due.id and position <= (select position from journal_index) and ${isDue})`;

const entriesOf = (row: string): Entry[] => [...ownEntriesOf(row), ...placesOf(row)];

/** A group stands once under each key, however many of its rows have it. */
function entriesOfGroups(groups: readonly ListedGroup[], keyring: Keyring, namesOf = entriesOf) {
  const keys: string[] = [];
  const ids: number[] = [];
  for (const { id, rows } of groups) {
    const names = new Map(rows.flatMap((row) => namesOf(row).map((entry) => [entry.join(" "), entry])));
    for (const [name, value] of names.values()) {
      keys.push(entryKey(keyring, name, value));
      ids.push(id);
    }
  }
  return sql`select key, id from unnest(${keys}::uuid[], ${ids}::int8[]) as entry (key, id)`;
}

const isGiven = ([, value]: Entry): boolean => value !== "";

function ownEntriesOf(row: string): Entry[] {
  const entries: Entry[] = [
    ["requestId", memberText(row, "requestId")],
    ["subject", memberText(row, "subject")],
    ["agent", memberText(row, "onBehalfOf") || memberText(row, "actorId")],
    ["tenant", memberText(row, "tenant")],
  ];
  return entries.filter(isGiven);
}

/** Under the name of a tenant: a replica of before finds more groups than are its own, and leaves out their rows. */
function placesOf(row: string): Entry[] {
  const entries: Entry[] = [
    ["tenant", memberText(row, "organization")],
    ["tenant", memberText(row, "holder")],
  ];
  return entries.filter(isGiven);
}
