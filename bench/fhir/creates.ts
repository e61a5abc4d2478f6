import pg from "pg";
import { Child } from "../child.ts";
import type { CreateSubject } from "../subjects/fhir-create.ts";
import { fsyncMicros } from "../trust/fsync.ts";
import { type Spread, spreadOf } from "../trust/spread.ts";
import { referralOf } from "./world.ts";

const rounds = 5;
const creates = 1_000;
const callers = 20;

export interface CreateFigures {
  createsPerSecond: Spread;
  /** of the gateway's process */
  cpuMicrosACreate: Spread;
  fsyncMicros: Spread;
}

/**
 * Creates over HTTP with validation, search index, history and journal, all committed before the answer, on an empty
 * PostgreSQL with fsync on. Throws when a table did not grow by what was created.
 */
export async function createFigures(server: string): Promise<CreateFigures> {
  const url = await emptyDatabase(server);
  const child = await Child.start("subjects/fhir-create.ts", { SUBJECT_URL: url });
  const samples: Record<"rate" | "cpu" | "fsync", number[]> = { rate: [], cpu: [], fsync: [] };
  for (let round = -1; round < rounds; round++) {
    const fsync = await fsyncMicros();
    const { perSecond, cpuMicros } = await playRound(child);
    // the first round warms up
    if (round < 0) continue;
    samples.rate.push(perSecond);
    samples.cpu.push(cpuMicros);
    samples.fsync.push(fsync);
  }
  await child.stop();
  await refuseShortTables(url, creates * (rounds + 1));
  return {
    createsPerSecond: spreadOf(samples.rate),
    cpuMicrosACreate: spreadOf(samples.cpu),
    fsyncMicros: spreadOf(samples.fsync),
  };
}

async function playRound(child: Child): Promise<{ perSecond: number; cpuMicros: number }> {
  const { url, token, cpuMicros: before } = await child.ask<CreateSubject>({});
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/fhir+json" };
  let left = creates;
  const caller = async () => {
    while (left-- > 0) {
      const { id: _, ...referral } = referralOf(left, { patients: 100, referrals: creates });
      const body = JSON.stringify(referral);
      const answer = await fetch(`${url}/ServiceRequest`, { method: "POST", headers, body });
      if (answer.status !== 201) throw new Error(`create: ${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - began) / 1_000;
  const { cpuMicros: after } = await child.ask<CreateSubject>({});
  return { perSecond: creates / seconds, cpuMicros: (after - before) / creates };
}

async function emptyDatabase(server: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query("create database bench_creates");
  await client.end();
  return server.replace(/\/[^/?]*(\?|$)/, "/bench_creates$1");
}

async function refuseShortTables(url: string, least: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const table of ["resource", "resource_history", "search_resource", "journal"]) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${table}`);
    if ((rows[0]?.n ?? 0) < least) throw new Error(`${table} has ${rows[0]?.n} rows of ${least}`);
  }
  await client.end();
}
