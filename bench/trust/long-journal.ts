import { sql } from "kysely";
import { systemClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import type { OpenDatabase } from "../../src/store/database.ts";
import { countJournal } from "../../src/store/journal-hours.ts";
import { indexJournal } from "../../src/store/journal-index.ts";
import { sealJournal } from "../../src/store/journal-seal.ts";
import { journalSearch } from "../../src/store/journal-search.ts";
import { microsOf, type Spread, spreadOf } from "./spread.ts";

const [groups, rowsOfGroup] = [50_000, 20];
const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const keyring = createKeyring(new Uint8Array(32).fill(1));
const startedAt = Date.UTC(2026, 9, 22);
const dayMs = 86_400_000;

interface Times {
  /** twenty accesses to a person of whom the journal has a hundred, spread over all of it */
  personPageMs: Spread;
  /** a person of whom it has none */
  strangerPageMs: Spread;
  /** one request's accesses, for the security service */
  requestMs: Spread;
  /** counts of a regulator's thirty days */
  summaryMs: Spread;
}

export interface LongJournalFigures {
  rows: number;
  /** nothing listed yet, as in a database of an earlier release: every row is read */
  walked: Times;
  listedRowsPerSecond: number;
  listed: Times;
}

/** What people ask of a long journal, before the indexer has listed it and after. */
export async function longJournalFigures(store: OpenDatabase): Promise<LongJournalFigures> {
  await sql`
    insert into journal_group (row_count, digest, mac, lines)
    select ${rowsOfGroup}, 'd', 'm', string_agg(repeat('m', 43) || '{"at":' || ${startedAt}::int8 + n * 2592
      || ',"tenant":"' || ${tenant}::text || '","requestId":"' || md5(n::text)::uuid
      || '","actorKind":"practitioner","actorId":"' || md5((n % 500)::text)::uuid
      || '","action":"read","resourceType":"Observation","resourceId":"' || md5((n * 7)::text)::uuid
      || '","subject":"' || md5((n % 10000)::text)::uuid || '","ground":"care-assigned","outcome":"ok"}', e'\\n')
    from generate_series(0::int8, ${groups * rowsOfGroup - 1}) as n group by n / ${sql.lit(rowsOfGroup)} order by min(n)
    `.execute(store.db);
  await sealJournal({ db: store.db, keyring, clock: systemClock });
  await sql`analyze journal_group`.execute(store.db);
  const walked = await timesOf(store, 1);
  const start = performance.now();
  let rows = 0;
  for (let listed = -1; listed !== 0; rows += listed) listed = await indexJournal({ db: store.db, keyring });
  const listedRowsPerSecond = Math.round(rows / ((performance.now() - start) / 1_000));
  return { rows, walked, listedRowsPerSecond, listed: await timesOf(store, 5) };
}

async function timesOf({ db }: OpenDatabase, rounds: number): Promise<Times> {
  const search = journalSearch({ db, keyring });
  const count = countJournal(db);
  const idOf = async (n: number) =>
    (await sql<{ id: string }>`select md5(${n}::text)::uuid as id`.execute(db)).rows[0]?.id ?? "";
  const subject = await idOf(4_711);
  const requestId = await idOf(500_000);
  const period = { since: startedAt, before: startedAt + 30 * dayMs };
  const works: Record<keyof Times, () => Promise<number>> = {
    personPageMs: async () => (await search({ subject, limit: 20 })).length,
    strangerPageMs: async () => 20 + (await search({ subject: "nobody", limit: 20 })).length,
    requestMs: async () => 19 + (await search({ organization: tenant, requestId, limit: 200 })).length,
    summaryMs: async () => 19 + (await count({ organization: tenant, ...period })).length,
  };
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of Object.entries(works)) {
      const micros = await microsOf(async () => {
        if ((await work()) !== 20) throw new Error(`${name}: not what the journal holds`);
      }, 1);
      samples[name] = [...(samples[name] ?? []), micros / 1_000];
    }
  const spread = (name: keyof Times) => spreadOf(samples[name] ?? []);
  return {
    personPageMs: spread("personPageMs"),
    strangerPageMs: spread("strangerPageMs"),
    requestMs: spread("requestMs"),
    summaryMs: spread("summaryMs"),
  };
}
