import { mkdtemp, rm } from "node:fs/promises";
import { arch, cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openDatabase } from "../src/store/database.ts";
import { startPostgres } from "../test/support/postgres-server.ts";
import { Child } from "./child.ts";
import { createFigures } from "./fhir/creates.ts";
import { seed } from "./fhir/seed.ts";
import { type World, worldOf } from "./fhir/world.ts";
import { readFigures } from "./http/reads.ts";
import type { SearchRound, SearchRoundResult } from "./subjects/fhir-rounds.ts";
import { validationFigures } from "./validation.ts";

const rounds = Number(process.env.BENCH_ROUNDS ?? 7);
const few = Number(process.env.BENCH_FEW ?? 100_000);
const many = 10 * few;
const peerResources = 200;

type Measures = Record<Name, SearchRoundResult[]>;

/** What `/fhir` is measured by; each case is a ratio of interleaved rounds, with its least and greatest. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const reads = await readFigures();
  const [{ search, creates }, validation] = [await storeFigures(), await validationFigures()];
  const figures = {
    subjects: { ...search.subjects, ...validation.subjects },
    ratios: { ...reads.ratios.rate, ...search.ratios, ...validation.ratios },
    creates,
    remarks: [
      "searchVsFhirRouter: the peer ignores _include and answers the match alone; ours brings the patient along",
      "creates: over HTTP, validation, search index, history and journal committed before the answer; fsync beside it",
    ],
  };
  if (json) return console.log(JSON.stringify({ fhir: figures, ...machine }, null, 2));
  console.table(figures.subjects);
  console.table(figures.ratios);
  console.table(figures.creates);
  for (const remark of figures.remarks) console.log(remark);
  console.log(machine);
}

const machine = {
  node: process.version,
  system: `${release()} ${arch()}`,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  rounds,
};

/** What needs PostgreSQL. */
async function storeFigures() {
  const postgres = await startPostgres();
  try {
    return { creates: await createFigures(postgres.url), search: await searchFigures(postgres.url) };
  } finally {
    await postgres.remove();
  }
}

/**
 * A referral by its identifier with its patient: our search layer over PostgreSQL with 100,000 and with 1,000,000
 * resources, and @medplum/fhir-router over 200 in memory, each in a process of its own.
 */
async function searchFigures(server: string) {
  const [ofFew, ofMany] = [await seeded(server, few), await seeded(server, many)];
  const children = {
    peer: await Child.start("subjects/fhir-router.ts", { RESOURCES: String(peerResources) }),
    few: await Child.start("subjects/fhir-search.ts", ofFew),
    many: await Child.start("subjects/fhir-search.ts", ofMany),
  };
  const measures = await interleaved(children);
  for (const child of Object.values(children)) await child.stop();
  return reportOf(measures);
}

type Name = "peer" | "few" | "many";

async function interleaved(children: Record<Name, Child>): Promise<Measures> {
  const measures: Measures = { peer: [], few: [], many: [] };
  for (let round = -1; round < rounds; round++)
    for (const name of ["peer", "few", "many"] as const) {
      const ask: SearchRound = { searches: name === "peer" ? 50 : 500, callers: 1 };
      const result = await children[name].ask<SearchRoundResult>(ask);
      // the first round warms up
      if (round >= 0) measures[name].push(result);
    }
  return measures;
}

async function seeded(server: string, resources: number): Promise<Record<string, string>> {
  const name = `bench_${resources}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(server);
  url.pathname = `/${name}`;
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-bench-"));
  const store = await openDatabase({ url: url.href, dataDir });
  const world: World = worldOf(resources);
  const began = performance.now();
  await seed(store, url.href, world);
  console.error(`${resources} resources seeded in ${Math.round((performance.now() - began) / 1_000)} s`);
  await store.close();
  await rm(dataDir, { recursive: true });
  return { SEEDED_URL: url.href, SEEDED_REFERRALS: String(world.referrals) };
}

function reportOf({ peer, few: ofFew, many: ofMany }: Measures) {
  const subjects = Object.fromEntries(
    Object.entries({
      [`fhir-router, ${peerResources} in memory, without _include`]: peer,
      [`PostgreSQL, ${few}`]: ofFew,
      [`PostgreSQL, ${many}`]: ofMany,
    }).map(([name, results]) => [
      name,
      {
        "searches/s": Math.round(median(results.map(({ perSecond }) => perSecond))),
        "median ms": rounded(median(results.map(({ medianMs }) => medianMs))),
        "CPU µs (without the database)": Math.round(median(results.map(({ cpuMicros }) => cpuMicros))),
      },
    ]),
  );
  return {
    subjects,
    ratios: {
      searchVsFhirRouter: ratio(ofFew, peer, ({ perSecond }) => perSecond, "at least 2, aim 5"),
      searchGrowth: ratio(ofMany, ofFew, ({ medianMs }) => medianMs, "at most 1.5"),
    },
  };
}

/** Of the rounds that ran beside each other. */
function ratio(
  ours: readonly SearchRoundResult[],
  theirs: readonly SearchRoundResult[],
  of: (result: SearchRoundResult) => number,
  target: string,
) {
  const ratios = ours.map((one, index) => of(one) / of(theirs[index] ?? one)).sort((a, b) => a - b);
  return {
    median: rounded(median(ratios)),
    min: rounded(ratios[0] ?? 0),
    max: rounded(ratios.at(-1) ?? 0),
    target,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const rounded = (value: number) => Number(value.toFixed(2));
