import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Journal } from "../../src/store/journal.ts";
import { currentHead, sealJournal } from "../../src/store/journal-seal.ts";
import { type JournalVerdict, verifyJournal } from "../../src/store/journal-verify.ts";
import type { Schema } from "../../src/store/schema.ts";
import { freshDatabase } from "../support/database.ts";
import { onBothEngines } from "./engines.ts";
import { rowOf } from "./journal-rows.ts";

const keyring = createKeyring(new Uint8Array(32).fill(9));
const clock = new ManualClock();

onBothEngines((store) => {
  const parts = (db: Kysely<Schema> = store().db) => ({ db, keyring, clock });
  const countRows = async () =>
    (await sql<{ n: number }>`select count(*) as n from journal`.execute(store().db)).rows[0]?.n;

  beforeAll(async () => {
    const journal = new Journal({ pool: store().pool, keyring });
    // three groups are sealed: of one row, of forty, of two
    for (const size of [1, 40, 2]) {
      await Promise.all(Array.from({ length: size }, (_, n) => journal.append(rowOf(size * 100 + n))));
    }
    expect(await sealJournal(parts())).toBe(43);
    await Promise.all([1, 2, 3].map((n) => journal.append(rowOf(n, { outcome: "forbidden" }))));
    await journal.close();
    expect(journal.rowsCommitted).toBe(46);
  });

  it("commits rows that come together in one group, each once", async () => {
    expect(await countRows()).toBe(46);
    const groups = await store().db.selectFrom("journal_group").select("row_count").orderBy("id").execute();
    expect(groups.map((group) => group.row_count)).toEqual([1, 40, 2, 3]);
  });

  it("keeps what JSON and SQL find hard: line breaks, NUL, a lone surrogate, quotes", async () => {
    const journal = new Journal({ pool: store().pool, keyring });
    const hard = 'a\nb\r"\\\u0000\ud800\u2028ё';
    await journal.append(rowOf(7, { requestId: hard }));
    const { row } = await store()
      .db.selectFrom("journal")
      .select("row")
      .orderBy("group_id", "desc")
      .executeTakeFirstOrThrow();
    expect(JSON.parse(row)).toEqual(rowOf(7, { requestId: hard }));
    expect((await verifyJournal(parts())).ok).toBe(true);
  });

  it("Z-09 the journal is append-only: changing and removing is refused and the chain verifies", async () => {
    for (const change of [
      sql`update journal_group set lines = replace(lines, 'read', 'view')`,
      sql`delete from journal_group`,
      sql`truncate journal_group`,
      sql`update journal_group set digest = 'x'`,
      // rows that no seal has reached yet are as closed
      sql`update journal_group set lines = replace(lines, 'read', 'view') where position is null`,
      sql`update journal_group set chain = 'x' where position = 1`,
    ]) {
      await expect(change.execute(store().db)).rejects.toMatchObject({ code: "42501" });
    }
    expect(await verifyJournal(parts())).toMatchObject({ ok: true, sealedRows: 43 });
  });

  it("seals nothing twice", async () => {
    await sealJournal(parts());
    const head = await currentHead(parts());
    expect(await sealJournal(parts())).toBe(0);
    expect(await currentHead(parts())).toEqual(head);
  });

  it("seals every group once when two sealers run at the same time", async () => {
    const journal = new Journal({ pool: store().pool, keyring });
    const before = await countRows();
    for (let n = 0; n < 5; n++) await journal.append(rowOf(n));
    await Promise.all([sealJournal(parts()), sealJournal(parts())]);
    const verdict = await verifyJournal(parts());
    expect(verdict).toMatchObject({ ok: true, sealedRows: before! + 5, unsealedRows: 0 });
  });

  describe("verify finds", () => {
    /** Does what only an owner of the database could, looks, and takes it back. */
    async function tampered(change: (trx: Transaction<Schema>) => Promise<unknown>): Promise<JournalVerdict> {
      const trx = await store().db.startTransaction().execute();
      try {
        await sql`alter table journal_group disable trigger all`.execute(trx);
        await change(trx);
        return await verifyJournal(parts(trx));
      } finally {
        await trx.rollback().execute();
      }
    }
    /** Sets the lines of a group to what remains of the SQL array `line`. */
    const relined = (group: RawBuilder<unknown>, lines: RawBuilder<unknown>) => sql`
      update journal_group set lines = array_to_string(${lines}, e'\\n')
      from (select string_to_array(lines, e'\\n') as line from journal_group where id = ${group}) as was
      where id = ${group}`;
    const second = sql`(select id from journal_group where position = 2)`;

    it.each([
      ["a changed row", relined(second, sql`line[:6] || replace(line[7], 'read', 'view') || line[8:]`), 8],
      [
        "a changed keyed hash",
        relined(second, sql`line[:6] || overlay(line[7] placing '##' from 5) || line[8:]`),
        8,
      ],
      ["a removed row", relined(second, sql`line[:6] || line[8:]`), 2],
      ["a removed last row of a group", relined(second, sql`line[:39]`), 2],
      ["an added row", relined(second, sql`line || line[40]`), 2],
      ["swapped rows", relined(second, sql`line[:6] || line[40] || line[8:39] || line[7]`), 2],
      ["a removed group", sql`delete from journal_group where position = 2`, 2],
      ["swapped groups", sql`update journal_group set position = -position where position in (2, 3)`, 2],
      ["a replaced digest", sql`update journal_group set digest = reverse(digest) where position = 2`, 2],
    ])("%s, and names the first row of what is broken", async (_what, change, row) => {
      const verdict = await tampered(async (trx) => {
        await change.execute(trx);
        await sql`update journal_group set position = 5 + position where position < 0`.execute(trx);
      });
      expect(verdict).toMatchObject({ ok: false, finding: { row } });
    });

    it("a cut tail", async () => {
      const cut = sql`delete from journal_group where position >= 3`;
      const verdict = await tampered((trx) => cut.execute(trx));
      expect(verdict).toMatchObject({
        ok: false,
        finding: { row: 42, reason: expect.stringMatching(/tail was cut/) },
      });
    });

    it("a head that was set back or forged", async () => {
      const setBack = sql`update journal_head set position = 0, rows = 0, chain = '', signature = ''`;
      expect((await tampered((trx) => setBack.execute(trx))).finding?.reason).toMatch(/set back/);
      const forged = sql`update journal_head set rows = rows + 1`;
      expect((await tampered((trx) => forged.execute(trx))).finding?.reason).toMatch(/signature/);
    });

    it("a change in the tail that is not sealed yet", async () => {
      const journal = new Journal({ pool: store().pool, keyring });
      await Promise.all([1, 2].map((n) => journal.append(rowOf(n))));
      const tail = sql`(select max(id) from journal_group)`;
      const changes = [
        [relined(tail, sql`line[:1] || (left(line[2], 43) || '{}')`), /unsealed tail: the row was changed/],
        [relined(tail, sql`line[:1]`), /unsealed tail: a row was removed/],
      ] as const;
      for (const [change, reason] of changes) {
        expect((await tampered((trx) => change.execute(trx))).finding?.reason).toMatch(reason);
      }
    });

    it("everything removed and begun again, by a head that was exported before", async () => {
      const exported = [await currentHead(parts())];
      const verdict = await tampered(async (trx) => {
        await sql`truncate journal_group`.execute(trx);
        await sql`update journal_head set position = 0, rows = 0, chain = '', signature = ''`.execute(trx);
        expect(await verifyJournal(parts(trx))).toMatchObject({ ok: true, sealedRows: 0 });
        const late = await verifyJournal({ ...parts(trx), exported });
        expect(late).toMatchObject({ ok: false, finding: { reason: expect.stringMatching(/tail was cut/) } });
      });
      expect(verdict.sealedRows).toBe(0);
      expect(await verifyJournal({ ...parts(), exported })).toMatchObject({ ok: true });
    });

    it("a journal written with another master key", async () => {
      const foreign = createKeyring(new Uint8Array(32).fill(1));
      expect(await verifyJournal({ ...parts(), keyring: foreign })).toMatchObject({ ok: false });
    });
  });
});

it("a group that commits late under a lower id is linked after those that were seen first", async () => {
  const store = await openDatabase({ url: await freshDatabase(), dataDir: "unused" });
  const parts = { db: store.db, keyring, clock };
  const journal = new Journal({ pool: store.pool, keyring });
  // a slow replica: its insert got an id but has not committed
  const slow = await store.pool.connect();
  await slow.query("begin");
  const slowJournal = new Journal({
    pool: { query: (statement: never) => slow.query(statement) } as unknown as typeof store.pool,
    keyring,
  });
  await slowJournal.append(rowOf(1));
  await journal.append(rowOf(2));
  expect(await sealJournal(parts)).toBe(1);
  await slow.query("commit");
  slow.release();
  expect(await verifyJournal(parts)).toMatchObject({ ok: true, sealedRows: 1, unsealedRows: 1 });
  expect(await sealJournal(parts)).toBe(1);
  const places = await store.db
    .selectFrom("journal_group")
    .select(["id", "position"])
    .orderBy("position")
    .execute();
  expect(places[0]!.id).toBeGreaterThan(places[1]!.id);
  expect(await verifyJournal(parts)).toMatchObject({ ok: true, sealedRows: 2, unsealedRows: 0 });
  await store.close();
});

it("a database that goes away fails the waiting rows with a code and takes later ones", async () => {
  const url = await freshDatabase();
  const store = await openDatabase({ url, dataDir: "unused" });
  const journal = new Journal({ pool: store.pool, keyring });
  await journal.append(rowOf(1));
  await store.db.executeQuery(sql`alter table journal_group rename to journal_group_away`.compile(store.db));
  const failed = await Promise.allSettled([journal.append(rowOf(2)), journal.append(rowOf(3))]);
  expect(failed.map((result) => result.status)).toEqual(["rejected", "rejected"]);
  await store.db.executeQuery(sql`alter table journal_group_away rename to journal_group`.compile(store.db));
  await journal.append(rowOf(4));
  expect(journal.rowsCommitted).toBe(2);
  await store.close();
});
