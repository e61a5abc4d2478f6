import { type Kysely, type RawBuilder, sql } from "kysely";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { Journal } from "../../src/store/journal.ts";
import { type JournalRow, organizationOf, organizationsOf } from "../../src/store/journal-format.ts";
import { countJournal } from "../../src/store/journal-hours.ts";
import { entryKey, indexJournal } from "../../src/store/journal-index.ts";
import { sealJournal } from "../../src/store/journal-seal.ts";
import { type JournalQuery, journalSearch } from "../../src/store/journal-search.ts";
import { verifyJournal } from "../../src/store/journal-verify.ts";
import type { Statement, StorePool } from "../../src/store/pool.ts";
import type { Schema } from "../../src/store/schema.ts";
import { onBothEngines } from "./engines.ts";
import { rowOf } from "./journal-rows.ts";

const keyring = createKeyring(new Uint8Array(32).fill(9));
const clock = new ManualClock();
const hour = 3_600_000;
const start = Date.UTC(2026, 10, 21);
const [clinic, other] = ["1.2.643.5.1.13.13.12.2.77.1", "1.2.643.5.1.13.13.12.2.78.1"];
const region = "1.2.643.5.1.13.13.12.4.50.1";

/** Rows of four people, three callers and two organisations over three hours, some of them with what SQL finds hard. */
const sampleRows = () =>
  Array.from({ length: 60 }, (_, n): JournalRow => {
    const caller = n % 3 === 2 ? { actorKind: "client", actorId: "mis", onBehalfOf: "doctor" } : {};
    return rowOf(n, {
      at: start + (n * 3 * hour) / 60,
      tenant: n % 5 === 0 ? other : clinic,
      organization: n % 10 === 6 ? region : undefined,
      holder: n % 6 === 1 ? region : undefined,
      requestId: n === 7 ? 'a"\n\\\u0000\ud800ё' : `request-${n >> 1}`,
      actorId: n % 3 === 1 ? "mis" : "doctor",
      ...caller,
      action: n === 4 ? "alert" : n % 4 === 0 ? "hidden read" : "read",
      subject: n % 7 === 0 ? undefined : `person-${n % 4}`,
      address: n % 2 === 0 ? undefined : "192.0.2.7",
      query: n % 3 === 1 ? undefined : 'Patient?name="Тестова"\u0000',
    });
  });

onBothEngines((store) => {
  const written: JournalRow[] = [];
  const db = () => store().db;
  const search = (query: JournalQuery) => journalSearch({ db: db(), keyring })(query);
  const seal = () => sealJournal({ db: db(), keyring, clock });

  /** What reading every row would find. */
  function expected(query: JournalQuery) {
    const { organization, requestId, subject, agent, action, told, since, before, limit } = query;
    const isWanted = (row: JournalRow) =>
      (!organization || organizationsOf(row).includes(organization)) &&
      (!requestId || row.requestId === requestId) &&
      (!subject || row.subject === subject) &&
      (!agent || (row.onBehalfOf ?? row.actorId) === agent) &&
      (!action || row.action === action) &&
      (!told || !row.action.startsWith("hidden ")) &&
      row.at >= (since ?? 0) &&
      row.at < (before ?? Infinity);
    return written.filter(isWanted).toReversed().slice(0, limit);
  }

  const queries: JournalQuery[] = [
    { subject: "person-1", limit: 50 },
    { subject: "person-1", limit: 3 },
    // found behind rows of other actions, more than the page holds
    { subject: "person-0", action: "alert", limit: 1 },
    { subject: "nobody", limit: 50 },
    { subject: "late", limit: 50 },
    { agent: "doctor", told: true, limit: 50 },
    { agent: "mis", organization: other, limit: 50 },
    { organization: other, limit: 5 },
    { organization: region, limit: 50 },
    { requestId: "request-9", organization: clinic, limit: 50 },
    { subject: "person-2", agent: "doctor", since: start + hour, before: start + 2 * hour, limit: 50 },
    { limit: 100 },
  ];

  const counted = (since: number, before: number, isWanted: (row: JournalRow) => boolean) => {
    const counts: Record<string, number> = {};
    for (const row of written)
      if (row.at >= since && row.at < before && isWanted(row)) {
        const name = `${organizationOf(row)} ${row.holder} ${row.action} ${row.resourceType} ${row.outcome}`;
        counts[name] = (counts[name] ?? 0) + 1;
      }
    return counts;
  };
  const periods = [
    [start, start + 3 * hour],
    [start + hour / 2, start + hour],
    [start + hour / 3, start + 2.5 * hour],
    [start + 1.2 * hour, start + 1.4 * hour],
    [start + 9 * hour, start + 10 * hour],
  ] as const;

  const isOf = (oid: string) => (row: JournalRow) => organizationsOf(row).includes(oid);
  const reaches = [
    { reach: { organization: clinic }, isWanted: isOf(clinic) },
    { reach: { organization: region }, isWanted: isOf(region) },
    { reach: { organization: "" }, isWanted: () => false },
    {
      reach: { organization: "none", remit: ["1.2.643.5.1.13.13.12.2"] },
      isWanted: (row: JournalRow) => organizationOf(row).startsWith("1.2.643.5.1.13.13.12.2."),
    },
  ];

  async function answersAreRight() {
    for (const query of queries) expect((await search(query)).map(({ row }) => row)).toEqual(expected(query));
    for (const [since, before] of periods)
      for (const { reach, isWanted } of reaches) {
        const counts = await countJournal(db())({ since, before, ...reach });
        const found = counts.map(({ organization, holder, action, resourceType, outcome, count }) => [
          `${organization} ${holder || undefined} ${action} ${resourceType} ${outcome}`,
          count,
        ]);
        expect(Object.fromEntries(found)).toEqual(counted(since, before, isWanted));
      }
  }

  /** Appends rows in groups of one and of several. */
  async function append(rows: readonly JournalRow[]) {
    const journal = new Journal({ pool: store().pool, keyring });
    for (const [n, row] of rows.entries()) {
      const committed = journal.append(row);
      if (n % 4 === 0) await committed;
    }
    await journal.close();
    written.push(...rows);
  }

  it("answers are the same while nothing is sealed, while part is listed, and when all is", async () => {
    const rows = sampleRows();
    await append(rows.slice(0, 40));
    await answersAreRight();
    await seal();
    await answersAreRight();
    expect(await indexJournal({ db: db(), keyring })).toBe(40);
    await answersAreRight();
    await append(rows.slice(40, 50));
    await seal();
    await append(rows.slice(50));
    await answersAreRight();
    await seal();
    expect(await indexJournal({ db: db(), keyring })).toBe(20);
    expect(await indexJournal({ db: db(), keyring })).toBe(0);
    await answersAreRight();
  });

  it("pages go on in both directions over what is listed and what is not", async () => {
    const late = Array.from({ length: 5 }, (_, n) =>
      rowOf(n, { at: start + 4 * hour + n, subject: "person-1" }),
    );
    await append(late);
    const all = expected({ subject: "person-1", limit: 100 });
    const pages: JournalRow[] = [];
    for (let beyond: JournalQuery["beyond"]; ; ) {
      const page = await search({ subject: "person-1", ...(beyond && { beyond }), limit: 4 });
      pages.push(...page.map(({ row }) => row));
      const last = page.at(-1);
      if (!last) break;
      beyond = { place: last.place, direction: "older" };
    }
    expect(pages).toEqual(all);
    const [, , third] = await search({ subject: "person-1", limit: 3 });
    const newer = await search({
      subject: "person-1",
      beyond: { place: third!.place, direction: "newer" },
      limit: 1,
    });
    expect(newer.map(({ row }) => row)).toEqual([all[1]]);
    await answersAreRight();
  });

  it("a long journal of before is listed in steps, each row once though several replicas are at it", async () => {
    const many = Array.from({ length: 1_300 }, (_, n) => rowOf(n, { at: start, subject: `many-${n % 3}` }));
    const journal = new Journal({ pool: store().pool, keyring });
    await Promise.all(many.map((row) => journal.append(row)));
    written.push(...many);
    await seal();
    const steps: number[] = [];
    do steps.push(...(await Promise.all([1, 2].map(() => indexJournal({ db: db(), keyring })))));
    while (steps.at(-1) !== 0 || steps.at(-2) !== 0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(1_500);
    expect(steps.reduce((sum, rows) => sum + rows)).toBe(1_305);
    await answersAreRight();
  });

  it("a journal that was listed before migration 049 is found whole while places are added to the list", async () => {
    const next = () => indexJournal({ db: db(), keyring });
    await seal();
    while ((await next()) > 0);
    const today = await contentOf(db());
    const places = [entryKey(keyring, "tenant", region)];
    await asBefore049(db(), places);
    await append([rowOf(1, { at: start + hour, tenant: other, action: "vread" })]);
    await seal();
    expect(await next()).toBe(1);
    await answersAreRight();
    expect(await verifyJournal({ db: db(), keyring })).toMatchObject({ ok: true });
    expect(await next()).toBeGreaterThan(0);
    const { rows } = await sql<{ count: number }>`
      select sum(count)::int8 as count from journal_hour where tenant = ${clinic}`.execute(db());
    expect(rows[0]?.count).toBe(written.filter(({ tenant }) => tenant === clinic).length);
    // the first step did not reach the end
    expect(await next()).toBeGreaterThan(0);
    expect(await next()).toBe(0);
    const { entries, hours } = await contentOf(db());
    expect(entries).toEqual(expect.arrayContaining(today.entries));
    expect([entries.length, hours.length]).toEqual([today.entries.length + 4, today.hours.length + 1]);
    await unlisted(db(), sql`key = any(${places}::uuid[])`, async (trx) =>
      expect(await verifyJournal({ db: trx, keyring })).toMatchObject({ ok: false }),
    );
  });

  it("what commits late under a lower id is found and counted like the rest", async () => {
    const { rows } = await sql<{ id: number }>`
      select nextval(pg_get_serial_sequence('journal_group', 'id')) as id`.execute(db());
    await append([rowOf(1, { at: start + 0.6 * hour, subject: "late" })]);
    await seal();
    await indexJournal({ db: db(), keyring });
    const underId = ({ values = [] }: Statement) =>
      sql`insert into journal_group (id, row_count, digest, mac, lines) overriding system value
        values (${sql.join([Number(rows[0]?.id), ...values])})`.execute(db());
    const journal = new Journal({ pool: { query: underId } as unknown as StorePool, keyring });
    const late = rowOf(2, { at: start + 0.6 * hour + 1, subject: "late" });
    await journal.append(late);
    written.splice(-1, 0, late);
    await answersAreRight();
    await seal();
    await indexJournal({ db: db(), keyring });
    await answersAreRight();
  });

  it("a run that is cut off has listed nothing and moved nothing", async () => {
    await append([rowOf(1, { at: start, subject: "cut" })]);
    await seal();
    await sql`alter table journal_index add constraint cut check (rows < ${sql.lit(written.length)})`.execute(
      db(),
    );
    await expect(indexJournal({ db: db(), keyring })).rejects.toThrow("cut");
    await answersAreRight();
    await sql`alter table journal_index drop constraint cut`.execute(db());
    expect(await indexJournal({ db: db(), keyring })).toBe(1);
    await answersAreRight();
  });

  it("each row is found once while much of a long journal is not listed yet", async () => {
    const trx = await db().startTransaction().execute();
    try {
      await sql`
        insert into journal_group (row_count, digest, mac, lines, position)
        select 1, 'd', 'm', repeat('m', 43) || '{"at":1,"subject":"person-1","requestId":"far-' || n || '"}',
          (select position from journal_head) + n
        from generate_series(1, 1500) as n order by n`.execute(trx);
      await sql`update journal_head set position = position + 1500`.execute(trx);
      const found = await journalSearch({ db: trx, keyring })({ subject: "person-1", limit: 3_000 });
      const far = Array.from({ length: 1_500 }, (_, n) => `far-${1_500 - n}`);
      const listed = expected({ subject: "person-1", limit: 100 }).map(({ requestId }) => requestId);
      expect(found.map(({ row }) => row.requestId)).toEqual([...far, ...listed]);
    } finally {
      await trx.rollback().execute();
    }
  });

  it("what is listed tells nobody's id, and can't be taken out of the list", async () => {
    const { rows } = await sql<{
      all: string;
    }>`select string_agg(journal_entry::text, ' ') as all from journal_entry`.execute(db());
    expect(rows[0]?.all).not.toMatch(/person|many|doctor|request/);
    for (const change of [sql`delete from journal_entry`, sql`update journal_entry set in_group = 0`])
      await expect(change.execute(db())).rejects.toMatchObject({ code: "42501" });
  });

  it("a person's rows are found by the list alone, and a verification finds what was taken out of it", async () => {
    await seal();
    while ((await indexJournal({ db: db(), keyring })) > 0);
    expect(await verifyJournal({ db: db(), keyring })).toMatchObject({ ok: true });
    await unlisted(db(), sql`true`, async (trx) => {
      expect(await verifyJournal({ db: trx, keyring })).toMatchObject({
        ok: false,
        finding: { row: 1, reason: expect.stringMatching(/left out/) },
      });
      expect(await journalSearch({ db: trx, keyring })({ subject: "person-1", limit: 50 })).toEqual([]);
    });
  });
});

/** What is listed and what is counted, in one order. */
async function contentOf(db: Kysely<Schema>) {
  const entries = await db
    .selectFrom("journal_entry")
    .selectAll()
    .orderBy("key")
    .orderBy("in_group")
    .execute();
  const hours = await sql`select * from journal_hour where count <> 0 order by 1, 2, 3, 4, 5, 6, 7`.execute(
    db,
  );
  return { entries, hours: hours.rows };
}

/** Takes from a listed journal what the release before migration 049 did not list, and counts as it counted. */
async function asBefore049(db: Kysely<Schema>, keys: readonly string[]) {
  await sql`alter table journal_entry disable trigger append_only`.execute(db);
  await sql`delete from journal_entry where key = any(${keys}::uuid[])`.execute(db);
  await sql`alter table journal_entry enable trigger append_only`.execute(db);
  await sql`
    with taken as (delete from journal_hour returning *)
    insert into journal_hour (hour, tenant, action, resource_type, outcome, count, first_group, last_group,
      organization, holder)
    select hour, tenant, action, resource_type, outcome, sum(count), min(first_group), max(last_group), '', ''
    from taken group by 1, 2, 3, 4, 5`.execute(db);
  await sql`update journal_index set placed = 0, unplaced_until = position`.execute(db);
}

/** As if these entries were not listed, though the mark says that all are; taken back afterwards. */
async function unlisted(
  db: Kysely<Schema>,
  which: RawBuilder<unknown>,
  look: (trx: Kysely<Schema>) => Promise<void>,
) {
  const trx = await db.startTransaction().execute();
  try {
    await sql`alter table journal_entry disable trigger all`.execute(trx);
    await sql`delete from journal_entry where ${which}`.execute(trx);
    await look(trx);
  } finally {
    await trx.rollback().execute();
  }
}
