import { systemClock } from "../../src/core/clock.ts";
import { createDataKey, sealValue, unwrapDataKey } from "../../src/crypto/envelope.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import type { OpenDatabase } from "../../src/store/database.ts";
import { openContent, sealContent } from "../../src/store/resource-content.ts";
import { ResourceStore } from "../../src/store/resources.ts";

/** Microseconds of one CPU core and of waiting, per row. */
interface RowCost {
  cpuMicros: number;
  micros: number;
}

export interface EncryptionCost {
  /** of the JSON text */
  bytes: number;
  /** JSON text included, as the store does it */
  sealMicros: number;
  openMicros: number;
  /** one data key, with its key-encryption key in memory */
  unwrapMicros: number;
  /** a public type of the same content lies in clear: the difference is what encryption costs */
  putSealed: RowCost;
  putClear: RowCost;
  getSealed: RowCost;
  getClear: RowCost;
}

const rounds = 5;
const rowsPerRound = 400;
const sealsPerRound = 5_000;

/** What sealing a resource of about 2 KiB costs beside the same in clear: interleaved rounds, medians. */
export async function encryptionCost({ db }: Pick<OpenDatabase, "db">): Promise<EncryptionCost> {
  const keys = masterKeyProvider(createKeyring(new Uint8Array(32).fill(1)));
  const dataKeys = new DataKeys({ keys, clock: systemClock });
  const store = new ResourceStore({ dataKeys, clock: systemClock });
  const content = sampleContent();
  const samples: Record<"putSealed" | "putClear" | "getSealed" | "getClear", RowCost[]> = {
    putSealed: [],
    putClear: [],
    getSealed: [],
    getClear: [],
  };
  const run = Date.now();
  for (let round = 0; round < rounds; round++) {
    for (const isPublic of round % 2 ? [true, false] : [false, true]) {
      const { put, get } = await rowsCost(db, store, {
        run: `${run}-${round}-${isPublic}`,
        content,
        isPublic,
      });
      samples[isPublic ? "putClear" : "putSealed"].push(put);
      samples[isPublic ? "getClear" : "getSealed"].push(get);
    }
  }
  return {
    bytes: JSON.stringify(content).length,
    ...(await sealingCost(content)),
    putSealed: medianOf(samples.putSealed),
    putClear: medianOf(samples.putClear),
    getSealed: medianOf(samples.getSealed),
    getClear: medianOf(samples.getClear),
  };
}

async function rowsCost(
  db: OpenDatabase["db"],
  store: ResourceStore,
  { run, content, isPublic }: { run: string; content: ReturnType<typeof sampleContent>; isPublic: boolean },
): Promise<{ put: RowCost; get: RowCost }> {
  // one type, so that both have the same indexes; a subject keeps it sealed
  const key = (n: number) => ({ tenant: "bench", type: "Organization", id: `${run}-${n}` });
  const put = await timed((n) =>
    db
      .transaction()
      .execute((trx) =>
        store.put(trx, { ...key(n), content, isPublic, ...(!isPublic && { subject: `s-${n % 50}` }) }),
      ),
  );
  const get = await timed(async (n) => {
    const stored = await store.get(db, key(n));
    if (JSON.stringify(stored?.content) !== JSON.stringify(content)) throw new Error("another content");
  });
  return { put, get };
}

async function sealingCost(content: object) {
  const keys = masterKeyProvider(createKeyring(new Uint8Array(32).fill(1)));
  const owner = { tenant: "bench", subject: "s" };
  const { dataKey, wrapped } = await createDataKey(keys, owner);
  const place = { tenant: "bench", type: "Observation", id: "o", version: 1 };
  const sealed = sealContent(dataKey, content, place);
  // warm
  for (let n = 0; n < sealsPerRound; n++)
    sealValue(dataKey, sealed, { ...place, table: "t", column: "c", row: "r" });
  const micros = { seal: [] as number[], open: [] as number[], unwrap: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    micros.seal.push(await microsOf(() => void sealContent(dataKey, content, place)));
    micros.open.push(await microsOf(() => void openContent(dataKey, sealed, place)));
    micros.unwrap.push(await microsOf(() => unwrapDataKey(keys, wrapped, owner)));
  }
  return {
    sealMicros: median(micros.seal),
    openMicros: median(micros.open),
    unwrapMicros: median(micros.unwrap),
  };
}

async function microsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < sealsPerRound; n++) await work();
  return ((performance.now() - start) * 1_000) / sealsPerRound;
}

async function timed(work: (n: number) => Promise<unknown>): Promise<RowCost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let n = 0; n < rowsPerRound; n++) await work(n);
  const micros = ((performance.now() - start) * 1_000) / rowsPerRound;
  const { user, system } = process.cpuUsage(cpu);
  return { micros, cpuMicros: (user + system) / rowsPerRound };
}

function sampleContent(): object {
  const component = (n: number) => ({
    code: { coding: [{ system: "http://loinc.org", code: `8480-${n}`, display: "Систолическое давление" }] },
    valueQuantity: {
      value: 120 + n,
      unit: "мм рт. ст.",
      system: "http://unitsofmeasure.org",
      code: "mm[Hg]",
    },
  });
  return {
    resourceType: "Observation",
    status: "final",
    component: Array.from({ length: 8 }, (_, n) => component(n)),
  };
}

const medianOf = (all: readonly RowCost[]): RowCost => ({
  micros: median(all.map(({ micros }) => micros)),
  cpuMicros: median(all.map(({ cpuMicros }) => cpuMicros)),
});

const median = (values: readonly number[]): number =>
  Math.round(([...values].sort((a, b) => a - b)[values.length >> 1] ?? 0) * 10) / 10;
