import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { createKeyring } from "../src/crypto/keyring.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import { Journal } from "../src/store/journal.ts";
import { sealJournal } from "../src/store/journal-seal.ts";
import { startPostgres } from "../test/support/postgres-server.ts";

const rounds = 5;
const rowsPerRound = 20_000;
const keyring = createKeyring(new Uint8Array(32).fill(1));

interface Round {
  rowsPerSecond: number;
  /** of the whole process: with pglite the database is in it, with postgres only our side */
  cpuMicrosPerRow: number;
  rowsPerGroup: number;
  sealedRowsPerSecond: number;
}

/** `callers` requests at a time, each waiting for its row to be committed. */
async function measure(store: OpenDatabase, callers: number): Promise<Round> {
  const journal = new Journal({ pool: store.pool, keyring });
  const before = await countGroups(store);
  let left = rowsPerRound;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const caller = async () => {
    while (left-- > 0) await journal.append(sampleRow(left));
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const groups = (await countGroups(store)) - before;
  if (journal.rowsCommitted !== rowsPerRound)
    throw new Error("the journal did not grow by the rows appended");
  const sealStart = performance.now();
  const sealed = await sealJournal({ db: store.db, keyring, clock: systemClock });
  return {
    rowsPerSecond: rowsPerRound / seconds,
    cpuMicrosPerRow: (user + system) / rowsPerRound,
    rowsPerGroup: rowsPerRound / groups,
    sealedRowsPerSecond: sealed / ((performance.now() - sealStart) / 1_000),
  };
}

function sampleRow(n: number) {
  return {
    at: Date.now(),
    tenant: "1.2.643.5.1.13.13.12.2.77.7823",
    requestId: `0190a7c4-7a5e-7000-8000-${String(n).padStart(12, "0")}`,
    actorKind: "client",
    actorId: "demo",
    action: "read",
    resourceType: "Practitioner",
    resourceId: "6f1c2a30-5b1e-4f6e-9d57-0d8f3c1b2a10",
    subject: "6f1c2a30-5b1e-4f6e-9d57-0d8f3c1b2a10",
    ground: "TREAT",
    outcome: "ok" as const,
  };
}

async function countGroups({ db }: OpenDatabase): Promise<number> {
  const { n } = await db
    .selectFrom("journal_group")
    .select((group) => group.fn.countAll<number>().as("n"))
    .executeTakeFirstOrThrow();
  return n;
}

/** Committed journal rows a second on both engines: interleaved rounds, medians; fsync is on in PostgreSQL. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const postgres = await startPostgres();
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-bench-"));
  const engines = {
    postgres: await openDatabase({ url: postgres.url, dataDir }),
    pglite: await openDatabase({ dataDir }),
  };
  const figures: Record<string, Round[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [engine, store] of Object.entries(engines)) {
      for (const callers of [50, 500]) {
        const name = `${engine}, ${callers} callers`;
        figures[name] ??= [];
        figures[name].push(await measure(store, callers));
      }
    }
  }
  for (const store of Object.values(engines)) await store.close();
  await postgres.remove();
  await rm(dataDir, { recursive: true });
  report(figures, json);
}

function report(figures: Record<string, Round[]>, json: boolean): void {
  const medians = Object.fromEntries(
    Object.entries(figures).map(([name, all]) => [
      name,
      {
        rowsPerSecond: Math.round(median(all.map((one) => one.rowsPerSecond))),
        cpuMicrosPerRow: Number(median(all.map((one) => one.cpuMicrosPerRow)).toFixed(1)),
        rowsPerGroup: Math.round(median(all.map((one) => one.rowsPerGroup))),
        sealedRowsPerSecond: Math.round(median(all.map((one) => one.sealedRowsPerSecond))),
      },
    ]),
  );
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    rounds,
    rowsPerRound,
  };
  if (json) console.log(JSON.stringify({ journal: medians, ...machine }));
  else console.table(medians);
  if (!json) console.log(machine);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
