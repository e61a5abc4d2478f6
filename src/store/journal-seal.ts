import { type Kysely, sql, type Transaction } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { chainOf, type ExportedHead, type JournalHead, JournalKeys } from "./journal-format.ts";
import type { Schema } from "./schema.ts";

export interface SealerParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  clock: Clock;
}

const groupsAtOnce = 1_000;

/**
 * Links every committed group that has no place yet behind the head and signs the new head; returns the rows
 * sealed. Ids are given before commit, so a lower id may appear later: it is linked when it is seen.
 */
export async function sealJournal(parts: SealerParts): Promise<number> {
  const keys = new JournalKeys(parts.keyring);
  for (let total = 0; ; ) {
    const { groups, rows } = await parts.db
      .transaction()
      .execute((trx) => sealBatch(trx, keys, parts.clock.now()));
    total += rows;
    if (groups < groupsAtOnce) return total;
  }
}

/** The signed head with the key that checks it. */
export async function currentHead(parts: Pick<SealerParts, "db" | "keyring">): Promise<ExportedHead> {
  const head = await readHead(parts.db);
  return { ...head, publicKey: new JournalKeys(parts.keyring).publicKey };
}

/** The head row; before the first seal it is all zeros and unsigned. */
export async function readHead(db: Kysely<Schema>): Promise<JournalHead> {
  return await db
    .selectFrom("journal_head")
    .select(["position", "rows", "chain", "at", "signature"])
    .executeTakeFirstOrThrow();
}

async function sealBatch(trx: Transaction<Schema>, keys: JournalKeys, at: number) {
  // the row lock lets one sealer work; another finds the head taken and leaves
  const head = await trx
    .selectFrom("journal_head")
    .select(["position", "rows", "chain"])
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (!head) return { groups: 0, rows: 0 };
  const groups = await trx
    .selectFrom("journal_group")
    .select(["id", "row_count", "digest"])
    .where("position", "is", null)
    .orderBy("id")
    .limit(groupsAtOnce)
    .execute();
  if (groups.length === 0) return { groups: 0, rows: 0 };
  let { position, rows, chain } = head;
  const links = groups.map(({ id, row_count, digest }) => {
    const link = { position: position + 1, rowsBefore: rows, rowCount: row_count, digest };
    position = link.position;
    rows += row_count;
    chain = chainOf(chain, link);
    return { id, position, rows_before: link.rowsBefore, chain };
  });
  await sql`
    update journal_group set position = link.position, rows_before = link.rows_before, chain = link.chain
    from unnest(${links.map((l) => l.id)}::int8[], ${links.map((l) => l.position)}::int8[],
      ${links.map((l) => l.rows_before)}::int8[], ${links.map((l) => l.chain)}::text[])
      as link (id, position, rows_before, chain)
    where journal_group.id = link.id`.execute(trx);
  await trx.updateTable("journal_head").set(keys.signHead({ position, rows, chain, at })).execute();
  return { groups: groups.length, rows: rows - head.rows };
}
