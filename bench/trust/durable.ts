import { randomUUID } from "node:crypto";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { JobRunner } from "../../src/jobs/job-runner.ts";
import { journalIndexer } from "../../src/jobs/journal-indexer.ts";
import { journalSealer } from "../../src/jobs/journal-sealer.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import type { OpenDatabase } from "../../src/store/database.ts";
import { IdempotencyKeys } from "../../src/store/idempotency.ts";
import { Journal } from "../../src/store/journal.ts";
import { indexJournal } from "../../src/store/journal-index.ts";
import { sealJournal } from "../../src/store/journal-seal.ts";
import { Outbox } from "../../src/store/outbox.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { fsyncMicros } from "./fsync.ts";
import { perSecond, type Spread, spreadOf } from "./spread.ts";

const rounds = 5;
const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const keyring = createKeyring(new Uint8Array(32).fill(1));

export interface DurableFigures {
  /** one 8 KiB write and fdatasync beside the database's folder */
  fsyncMicros: Spread;
  journalRowsPerSecond: Spread;
  /** the same while rows are sealed in the background, as in a running gateway, and while they are listed too */
  sealedRowsPerSecond: Spread;
  listedRowsPerSecond: Spread;
  /** claim, sealed resource with history, outbox message and kept answer */
  mutationsPerSecond: Spread;
  /** the same without a key: what the claim and the kept answer cost */
  mutationsWithoutKeyPerSecond: Spread;
  repeatsPerSecond: Spread;
}

/** What must be on disk before an answer leaves, in interleaved rounds on one PostgreSQL with fsync on. */
export async function durableFigures(store: OpenDatabase): Promise<DurableFigures> {
  const samples = {
    fsync: [],
    journal: [],
    sealed: [],
    listed: [],
    keyed: [],
    plain: [],
    repeats: [],
  } as Record<string, number[]>;
  const journal = new Journal({ pool: store.pool, keyring });
  const mutation = mutations(store);
  const append = () => perSecond(() => journal.append(rowOf()), { times: 20_000, callers: 200 });
  const works: Record<string, () => Promise<number>> = {
    fsync: fsyncMicros,
    journal: append,
    sealed: () => beside(store, { isListed: false }, append),
    listed: () => beside(store, { isListed: true }, append),
    keyed: () => perSecond(() => mutation(randomUUID()), { times: 600, callers: 10 }),
    plain: () => perSecond(() => mutation(undefined), { times: 600, callers: 10 }),
    repeats: () => perSecond(() => mutation("repeated"), { times: 2_000, callers: 10 }),
  };
  await mutation("repeated");
  for (const work of Object.values(works)) await work();
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of Object.entries(works)) samples[name]?.push(await work());
  if (journal.rowsCommitted !== 3 * 20_000 * (rounds + 1)) throw new Error("the journal did not grow");
  const spread = (name: string) => spreadOf(samples[name] ?? []);
  return {
    fsyncMicros: spread("fsync"),
    journalRowsPerSecond: spread("journal"),
    sealedRowsPerSecond: spread("sealed"),
    listedRowsPerSecond: spread("listed"),
    mutationsPerSecond: spread("keyed"),
    mutationsWithoutKeyPerSecond: spread("plain"),
    repeatsPerSecond: spread("repeats"),
  };
}

/** The work beside the jobs of a gateway, at their pace; what they leave is caught up with afterwards. */
async function beside(
  { db }: OpenDatabase,
  { isListed }: { isListed: boolean },
  work: () => Promise<number>,
): Promise<number> {
  const jobs = [
    journalSealer({ db, keyring, clock: systemClock }),
    ...(isListed ? [journalIndexer({ db, keyring })] : []),
  ];
  const runner = new JobRunner({ db, clock: systemClock, log: silentLogger, jobs });
  runner.start();
  const result = await work();
  await runner.stop(60_000);
  await sealJournal({ db, keyring, clock: systemClock });
  while ((await indexJournal({ db, keyring })) > 0);
  return result;
}

/** A change as a door makes it: with a key it is claimed first and its answer kept in its transaction. */
function mutations({ db }: OpenDatabase) {
  const clock = systemClock;
  const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock });
  const resources = new ResourceStore({ dataKeys, clock });
  const outbox = new Outbox({ db, keyring, clock });
  const keys = new IdempotencyKeys({ db, keyring, clock, leaseMs: 60_000 });
  const content = { resourceType: "Observation", status: "final", note: [{ text: "x".repeat(1_500) }] };
  const body = Buffer.from(JSON.stringify(content));
  return async (key: string | undefined) => {
    const claimed = key === undefined ? undefined : await keys.claim("bench", key, "POST /fhir/Observation");
    if (claimed && claimed.state !== "mine") return;
    const id = randomUUID();
    await db.transaction().execute(async (trx) => {
      await resources.put(trx, { tenant, type: "Observation", id, subject: `s-${id[0]}`, content });
      const message = { tenant, system: "bench", kind: "change", deduplicationId: id, payload: { id } };
      await outbox.enqueue(trx, message);
      const answer = { status: 201, headers: { etag: 'W/"1"' }, body };
      if (claimed && !(await keys.keep(claimed.claim, answer, { db: trx })))
        throw new Error("the claim was lost");
    });
  };
}

const token = randomUUID();
const people = Array.from({ length: 10_000 }, () => randomUUID());

const rowOf = () => ({
  at: Date.now(),
  tenant,
  requestId: randomUUID(),
  actorKind: "client",
  actorId: "demo",
  action: "read",
  resourceType: "Observation",
  resourceId: "6f1c2a30-5b1e-4f6e-9d57-0d8f3c1b2a10",
  subject: people[Math.floor(Math.random() * people.length)],
  ground: "care-assigned",
  outcome: "ok" as const,
  token,
  address: "192.0.2.7",
});
