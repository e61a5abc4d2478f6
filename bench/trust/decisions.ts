import type { AccessFacts } from "../../src/access/access-facts.ts";
import { decide } from "../../src/access/decide.ts";
import { postTableIn } from "../../src/access/post-rights.ts";
import { Cache } from "../../src/cache/cache.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Actor, RequestContext } from "../../src/core/context.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { createFactsOf } from "../../src/flows/access-facts.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import type { OpenDatabase } from "../../src/store/database.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { microsOf, type Spread, spreadOf } from "./spread.ts";

const rounds = 7;
const patients = 10_000;
const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const doctor: Actor = {
  kind: "practitioner",
  id: "doctor",
  tenant,
  scopes: [],
  role: "role",
  organization: tenant,
  purpose: "TREAT",
};

const postTable = postTableIn();

/** One decision with its facts in hand: permitted by a care relation, and refused by everything. */
export async function decisionMicros(): Promise<Record<"permitted" | "refused", Spread>> {
  const resource = { type: "Observation", id: "o", subject: "p", organization: tenant, label: "N" } as const;
  const relation = {
    kind: "assigned",
    patient: "p",
    practitioner: doctor.id,
    organization: tenant,
    rights: ["view", "enter"],
  } as const;
  const post = postTable.rightsOf(["109"]);
  const facts: AccessFacts = { at: Date.now(), activeWorker: true, post, signature: "qualified" };
  const known: AccessFacts = { ...facts, relations: [relation] };
  if (!decide(doctor, "read", resource, known).permit) throw new Error("the relation should permit");
  if (decide(doctor, "read", resource, facts).permit) throw new Error("nothing should permit");
  return {
    permitted: spreadOf(await samples(() => void decide(doctor, "read", resource, known), 100_000)),
    refused: spreadOf(await samples(() => void decide(doctor, "read", resource, facts), 100_000)),
  };
}

/** Facts of one patient and of a page of 50 from PostgreSQL, 10,000 patients with a relation in the table. */
export async function factMicros({ db, pool }: OpenDatabase): Promise<Record<"one" | "page", Spread>> {
  const values = Array.from({ length: patients }, (_, n) => ({
    tenant,
    type: "CareTeam",
    id: `team-${n}`,
    kind: "assigned",
    patient: `patient-${n}`,
    practitioner: doctor.id,
    organization: tenant,
    ends_at: null,
  }));
  for (let at = 0; at < values.length; at += 1_000)
    await db
      .insertInto("care_relation")
      .values(values.slice(at, at + 1_000) as never)
      .execute();
  const keyring = createKeyring(new Uint8Array(32).fill(1));
  const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock: systemClock });
  const factsOf = createFactsOf({
    db,
    pool,
    keyring,
    cache: new Cache({ clock: systemClock, maxBytes: 1 << 20 }),
    clock: systemClock,
    resources: new ResourceStore({ dataKeys, clock: systemClock }),
    identities: {} as never,
    postsOf: async () => ["109"],
    postTable,
  });
  const ctx = { actor: doctor } as RequestContext;
  // other patients each time: what is measured is the database, not the cache of consents
  let next = 0;
  const load = (count: number) => async () => {
    const subjects = Array.from({ length: count }, () => `patient-${next++ % patients}`);
    const factsFor = await factsOf(ctx, subjects);
    if (factsFor(subjects[0]).relations?.length !== 1) throw new Error("the relation was not found");
  };
  return { one: spreadOf(await samples(load(1), 300)), page: spreadOf(await samples(load(50), 100)) };
}

async function samples(work: () => unknown, times: number): Promise<number[]> {
  await microsOf(work, times);
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) all.push(await microsOf(work, times));
  return all;
}
