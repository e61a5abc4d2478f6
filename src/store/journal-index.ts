import { type Kysely, sql, type Transaction } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import { memberText, rowsOf } from "./journal-format.ts";
import { addHourCounts } from "./journal-hours.ts";
import type { ListedGroup } from "./journal-read.ts";
import type { Schema } from "./schema.ts";

export interface IndexParts {
  db: Kysely<Schema>;
  keyring: Keyring;
}

/** What rows are found by without walking the journal. */
export type EntryName = "requestId" | "subject" | "agent" | "organization";

// of one transaction, so that the embedded database's only session is soon free again
const rowsAtOnce = 1_000;

/** Keyed hash of an entry, 128 bits as a UUID: without the key the index does not tell whose rows it lists. */
export const entryKey = (keyring: Pick<Keyring, "hmac">, name: EntryName, value: string): string =>
  Buffer.from(keyring.hmac("journal-index", name, value), "base64url").toString("hex", 0, 16);

/**
 * Lists the next sealed rows by what they are found by and counts them by the hour, in the order of their sealing;
 * returns how many, 0 when none is left or another replica is at it. What is listed, what is counted and how far that
 * goes are one transaction, so a run may end anywhere.
 */
export async function indexJournal({ db, keyring }: IndexParts): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    const mark = await trx
      .selectFrom("journal_index")
      .select(["position", "rows"])
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (!mark) return 0;
    const groups = await trx
      .selectFrom("journal_group")
      .select(["id", "position", "row_count", "lines"])
      .where("position", ">", mark.position)
      .where("rows_before", "<", mark.rows + rowsAtOnce)
      .orderBy("position")
      .limit(rowsAtOnce)
      .execute();
    const last = groups.at(-1);
    if (!last) return 0;
    const listed = groups.map(({ id, lines }) => ({ id, rows: rowsOf(lines).map(({ row }) => row) }));
    await addEntries(trx, listed, keyring);
    await addHourCounts(trx, listed);
    const rows = groups.reduce((sum, { row_count }) => sum + row_count, 0);
    await trx
      .updateTable("journal_index")
      .set({ position: last.position as number, rows: mark.rows + rows })
      .execute();
    return rows;
  });
}

async function addEntries(trx: Transaction<Schema>, groups: readonly ListedGroup[], keyring: Keyring) {
  await sql`insert into journal_entry (key, in_group) ${entriesOfGroups(groups, keyring)}`.execute(trx);
}

/** Of these groups the first that an entry is missing for; what was taken out of the list would be hidden from its person. */
export async function unlistedGroup(
  { db, keyring }: IndexParts,
  groups: readonly ListedGroup[],
): Promise<number | undefined> {
  const { rows } = await sql<{ id: number }>`
    select min(due.id) as id from (${entriesOfGroups(groups, keyring)}) as due
    where not exists (select from journal_entry where key = due.key and in_group = due.id)
      and (select position from journal_group where id = due.id) <= (select position from journal_index)
    `.execute(db);
  return rows[0]?.id ?? undefined;
}

/** A group stands once under each key, however many of its rows have it. */
function entriesOfGroups(groups: readonly ListedGroup[], keyring: Keyring) {
  const keys: string[] = [];
  const ids: number[] = [];
  for (const { id, rows } of groups) {
    const names = new Map(rows.flatMap((row) => entriesOf(row).map((entry) => [entry.join(" "), entry])));
    for (const [name, value] of names.values()) {
      keys.push(entryKey(keyring, name, value));
      ids.push(id);
    }
  }
  return sql`select key, id from unnest(${keys}::uuid[], ${ids}::int8[]) as entry (key, id)`;
}

function entriesOf(row: string): [EntryName, string][] {
  const entries: [EntryName, string][] = [
    ["requestId", memberText(row, "requestId")],
    ["subject", memberText(row, "subject")],
    ["agent", memberText(row, "onBehalfOf") || memberText(row, "actorId")],
    ["organization", memberText(row, "tenant")],
    ["organization", memberText(row, "organization")],
    ["organization", memberText(row, "holder")],
  ];
  return entries.filter(([, value]) => value !== "");
}
