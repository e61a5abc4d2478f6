import { randomBytes, randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Resource, ResourceType } from "@medplum/fhirtypes";
import { type Kysely, sql } from "kysely";
import { afterAll, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { LeasedGenerations } from "../../src/cache/leased-generations.ts";
import { RedisLink } from "../../src/cache/redis.ts";
import { SharedLayer } from "../../src/cache/shared-layer.ts";
import { ManualClock, systemClock } from "../../src/core/clock.ts";
import { isGatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { Shredding } from "../../src/flows/shredding.ts";
import { replaceConsentFact, replaceRelations, replaceRepresentation } from "../../src/store/access-facts.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { IdentityMap } from "../../src/store/identity-map.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { holdsOf, liftHold, placeHold } from "../../src/store/retention-holds.ts";
import type { Schema } from "../../src/store/schema.ts";
import { SignatureStore } from "../../src/store/signatures.ts";
import { onBothEngines } from "./engines.ts";

const year = 366 * 86_400_000;
const stops: (() => Promise<void>)[] = [];

onBothEngines((store) => {
  const tenant = "t";
  const keyring = createKeyring(randomBytes(32));
  const namespace = `test-${randomUUID()}`;
  afterAll(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  const dataKeysAt = (clock: ManualClock) => new DataKeys({ keys: masterKeyProvider(keyring), clock });
  const indexed = (id: string) =>
    store().db.selectFrom("search_resource").select("rid").where("id", "=", id).execute();

  /** One replica: its own caches before the same stores. */
  async function replica(clock: ManualClock | typeof systemClock) {
    const link = new RedisLink({ url: process.env.TEST_REDIS_URL ?? "", log: silentLogger });
    const generations = new LeasedGenerations({ link, keyring, clock: systemClock, namespace });
    const shared = new SharedLayer({ link, keyring, clock: systemClock, namespace });
    const cache = new Cache({ clock: systemClock, maxBytes: 1_000_000, generations, shared });
    await link.open();
    await generations.start();
    stops.push(async () => {
      await cache.close();
      link.close();
    });
    const { db } = store();
    const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock });
    const resources = new ResourceStore({ dataKeys, clock });
    const identityMap = new IdentityMap({ db, keyring, clock });
    const index = new SearchIndex({ keyring, clock, baseUrl: "http://gateway.test/fhir" });
    const shredding = new Shredding({ db, dataKeys, identityMap, index, cache, clock });
    const write = (type: ResourceType, id: string, subject: string) =>
      db.transaction().execute(async (trx) => {
        await resources.put(trx, { tenant, type, id, subject, content: { id } });
        await index.write(trx, { tenant, type, id }, { resourceType: type, id } as Resource);
      });
    const read = async (type: string, id: string, subject: string) => {
      const spec = { name: "resource", tenant, key: [type, id], subjects: [subject], seconds: 60 };
      const load = async () => (await resources.get(db, { tenant, type, id }))?.content;
      return (await cache.getOrLoad(spec, load)).value;
    };
    return { resources, identityMap, shredding, write, read };
  }

  it("after a shredding has returned no replica gives the data, from its cache either", async () => {
    const [one, other] = [await replica(systemClock), await replica(systemClock)];
    const subject = await one.identityMap.idOf(tenant, "snils", "90000000182");
    await one.write("Patient", subject, subject);
    expect(await other.read("Patient", subject, subject)).toEqual({ id: subject });
    let shredded = false;
    let late = 0;
    let before = 0;
    const readers = [one, other].map(async ({ read }) => {
      for (let after = 0; after < 50; ) {
        // a cached answer alone would never let anyone else run
        await setImmediate();
        const begunAfter = shredded;
        try {
          await read("Patient", subject, subject);
          if (begunAfter) late += 1;
          else before += 1;
        } catch (error) {
          if (!isGatewayError(error) || error.code !== "gone") throw error;
        }
        if (begunAfter) after += 1;
      }
    });
    expect(await indexed(subject)).toHaveLength(1);
    await one.shredding.shred({ tenant, subject });
    shredded = true;
    await Promise.all(readers);
    expect(before).toBeGreaterThan(0);
    expect(late).toBe(0);
    expect(await indexed(subject)).toEqual([]);
    expect(await one.identityMap.find(tenant, subject)).toBeUndefined();
    expect(await one.identityMap.idOf(tenant, "snils", "90000000182")).not.toBe(subject);
    await one.shredding.shred({ tenant, subject });
  });

  it("is refused while a document must be kept, 25 years from its last version", async () => {
    const clock = new ManualClock();
    const { write, read, shredding } = await replica(clock);
    const subject = `documents-${randomUUID()}`;
    await write("DocumentReference", subject, subject);
    await clock.advance(24 * year);
    await expect(shredding.shred({ tenant, subject })).rejects.toMatchObject({
      code: "retention-held",
      detail: expect.stringMatching(/^held until 20\d\d-\d\d-\d\d: documents$/),
    });
    expect(await read("DocumentReference", subject, subject)).toEqual({ id: subject });
    await clock.advance(year);
    await shredding.shred({ tenant, subject });
    await expect(read("DocumentReference", subject, subject)).rejects.toMatchObject({ code: "gone" });
  });

  it("is refused while a document that was moved to another person must be kept", async () => {
    const clock = new ManualClock();
    const { write, shredding } = await replica(clock);
    const [subject, other] = [`moved-${randomUUID()}`, `other-${randomUUID()}`];
    await write("DocumentReference", subject, subject);
    await write("DocumentReference", subject, other);
    const refused = { code: "retention-held", detail: expect.stringContaining("documents") };
    for (const whose of [subject, other])
      await expect(shredding.shred({ tenant, subject: whose })).rejects.toMatchObject(refused);
    await clock.advance(26 * year);
    for (const whose of [subject, other]) await shredding.shred({ tenant, subject: whose });
  });

  it("is refused while anything signed must be kept, 25 years from its last signature", async () => {
    const clock = new ManualClock();
    const { write, shredding } = await replica(clock);
    const { db } = store();
    const signatures = new SignatureStore({ db, keyring, dataKeys: dataKeysAt(clock) });
    const signed = async (subject: string, state: string, purpose = "document") => {
      await write("MedicationRequest", subject, subject);
      const [createdAt, terms, content] = [clock.now(), {}, Buffer.from(subject)];
      const of = { tenant, subject, signer: randomUUID(), purpose, createdAt, terms, content };
      const made = await signatures.create({ ...of, state: "prepared", expiresAt: createdAt });
      await signatures.change(db, made, { state, settledAt: clock.now() });
      return { tenant, subject };
    };
    const refused = { code: "retention-held", detail: expect.stringContaining("signatures") };
    for (const state of ["signed", "superseded"]) {
      const person = await signed(`${state}-${randomUUID()}`, state);
      await clock.advance(24 * year);
      await expect(shredding.shred(person)).rejects.toMatchObject(refused);
      await clock.advance(year);
      await shredding.shred(person);
    }
    await shredding.shred(await signed(`refused-${randomUUID()}`, "refused"));
    await shredding.shred(await signed(`card-${randomUUID()}`, "signed", "card"));
  });

  it("is refused under an operator's hold until it ends or is lifted", async () => {
    const clock = new ManualClock();
    const { write, shredding } = await replica(clock);
    const person = { tenant, subject: `held-${randomUUID()}` };
    await write("Observation", person.subject, person.subject);
    const { db } = store();
    await placeHold(db, person, { reason: "court", until: clock.now() + 1_000 });
    await placeHold(db, person, { reason: "audit", until: clock.now() + 500 });
    expect(await holdsOf(db, { ...person, tenant: "u" }, clock.now())).toEqual([]);
    const refused = { code: "retention-held", detail: expect.stringContaining("court") };
    await expect(shredding.shred(person)).rejects.toMatchObject(refused);
    expect(await liftHold(db, person, "court")).toBe(true);
    expect(await liftHold(db, person, "court")).toBe(false);
    await expect(shredding.shred(person)).rejects.toMatchObject({ code: "retention-held" });
    await clock.advance(500);
    await shredding.shred(person);
  });

  it("leaves rows about the person that are sealed for good, and no other", async () => {
    const clock = new ManualClock();
    const { write, shredding } = await replica(clock);
    const subject = `everywhere-${randomUUID()}`;
    const person = { tenant, subject };
    const { db } = store();
    for (const type of ["Patient", "CareTeam", "RelatedPerson", "Consent"] as const)
      await write(type, `${type}-${subject}`, subject);
    await placeHold(db, person, { reason: "over", until: clock.now() });
    await db.transaction().execute(async (trx) => {
      await replaceConsentFact(trx, { tenant, id: "c" }, permission(subject));
      const assigned = { kind: "assigned", patient: subject, practitioner: "d", organization: "o" } as const;
      await replaceRelations(trx, { tenant, type: "CareTeam", id: "t" }, [{ ...assigned, ends_at: null }]);
      const parent = { kind: "parent", patient: subject, representative: "hash", ends_at: null } as const;
      await replaceRepresentation(trx, { tenant, id: "r" }, parent);
    });
    const rids = (
      await db.selectFrom("search_resource").select("rid").where("id", "like", `%${subject}`).execute()
    ).map(({ rid }) => rid);
    expect(rids).toHaveLength(4);
    const sealed = ["data_key", "resource", "resource_history"];
    const facts = ["care_relation", "consent_fact", "representation", "retention_hold", "search_resource"];
    expect(await tablesWith(db, subject)).toEqual([...sealed, ...facts].sort());

    await shredding.shred(person);
    expect(await tablesWith(db, subject)).toEqual(sealed);
    expect(await tablesOfRids(db, rids)).toEqual([]);
    const key = await db.selectFrom("data_key").select("wrapped").where("subject", "=", subject).execute();
    expect(key).toEqual([{ wrapped: null }]);
  });

  it("a document written while its subject is being shredded either holds them or is refused", async () => {
    const clock = new ManualClock();
    const { write, read, shredding } = await replica(clock);
    for (let n = 0; n < 10; n++) {
      const subject = `race-${randomUUID()}`;
      await write("Patient", subject, subject);
      const [document, shred] = await Promise.allSettled([
        write("DocumentReference", subject, subject),
        shredding.shred({ tenant, subject }),
      ]);
      expect(document.status).not.toBe(shred.status);
      if (document.status === "fulfilled")
        expect(await read("DocumentReference", subject, subject)).toEqual({ id: subject });
    }
  });
});

const permission = (patient: string) => ({
  kind: "access" as const,
  decision: "permit" as const,
  patient,
  rights: ["view"],
  practitioner: "d",
  organization: null,
  booked: false,
  types: null,
  labels: null,
  starts_at: null,
  ends_at: null,
  granted_at: 0,
});

/** Which tables of the schema, whatever they are, have a row that holds the text in the clear. */
async function tablesWith(db: Kysely<Schema>, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const table of await tablesOf(db, "%")) {
    const { rows } =
      await sql`select 1 from ${sql.table(table)} t where t::text like ${`%${text}%`} limit 1`.execute(db);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

/** Which tables of the search index still speak of these resources. */
async function tablesOfRids(db: Kysely<Schema>, rids: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for (const table of await tablesOf(db, "rid")) {
    const { rows } =
      await sql`select 1 from ${sql.table(table)} where rid in (${sql.join(rids)}) limit 1`.execute(db);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

async function tablesOf(db: Kysely<Schema>, column: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct t.table_name as name from information_schema.tables t
      join information_schema.columns c using (table_schema, table_name)
    where t.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.column_name like ${column}
    order by 1`.execute(db);
  return rows.map(({ name }) => name);
}
