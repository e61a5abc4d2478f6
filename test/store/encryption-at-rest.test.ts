import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type {
  Composition,
  Condition,
  DocumentReference,
  Observation,
  Patient,
  Resource,
} from "@medplum/fhirtypes";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { driveClient, drivePerson } from "../../scripts/canary-calls.ts";
import { type Canary, releaseCanaries, secretsOf } from "../../scripts/canary-people.ts";
import { LeakSearch } from "../../scripts/canary-search.ts";
import { filesOf, redisContent, tablesContent } from "../../scripts/canary-stores.ts";
import { identifierSystem } from "../../src/core/canonical.ts";
import { systemClock } from "../../src/core/clock.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { openDatabase } from "../../src/store/database.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { freshDatabase } from "../support/database.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { postgresBinary } from "../support/postgres-server.ts";
import { startRedis } from "../support/redis-server.ts";

const masterKey = Buffer.alloc(32, 11);
const people = 3;
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const enpOf = (index: number) => `77998877000012${String(34 + index)}`;
const diagnosisOf = (index: number) => `Канареечная лихорадка ${"абвгд"[index]}`;
const codeOf = (index: number) => `Z98.777${index}`;

/** Everything that may be found nowhere, in any spelling. */
function searchFor(canaries: readonly Canary[]): LeakSearch {
  const clinical = canaries.flatMap((_, index) => [enpOf(index), diagnosisOf(index), codeOf(index)]);
  return new LeakSearch([...canaries.flatMap(secretsOf), ...clinical]);
}

/** The doors: search and read of the registry, refusals, sign-in. */
async function driveDoors(gateway: TestGateway, canaries: readonly Canary[]): Promise<void> {
  const token = await gateway.token("system/*.cruds");
  for (const canary of canaries) await driveClient(gateway, token, canary, () => {});
  for (const canary of canaries) await drivePerson(gateway, canary, () => {}, []);
}

/** The store: what a patient's card consists of, indexed for search, a second version included. */
async function storeCards(where: { url?: string; dataDir: string }, canaries: readonly Canary[]) {
  const keyring = createKeyring(masterKey);
  const clock = systemClock;
  const { db, close } = await openDatabase(where);
  const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock });
  const resources = new ResourceStore({ dataKeys, clock });
  const index = new SearchIndex({ keyring, clock, baseUrl: "http://gateway.test/fhir" });
  for (const [number, canary] of canaries.entries())
    for (const resource of cardOf(canary, number))
      await db.transaction().execute(async (trx) => {
        const key = {
          tenant: "1.2.643.5.1.13.13.12.2.77.90001",
          type: resource.resourceType,
          id: resource.id,
        };
        await resources.put(trx, { ...key, subject: `patient-${number}`, content: resource });
        await index.write(trx, key, resource);
      });
  const found = await resources.get(db, {
    tenant: "1.2.643.5.1.13.13.12.2.77.90001",
    type: "Patient",
    id: "patient-0",
  });
  await close();
  return found;
}

function cardOf({ person }: Canary, number: number): (Resource & { id: string })[] {
  const { family, given, middle, snils, phone, email } = person;
  const patient: Patient & { id: string } = {
    resourceType: "Patient",
    id: `patient-${number}`,
    identifier: [
      { system: identifierSystem.snils, value: snils },
      { system: "https://cabinet-gateway.example/fhir/sid/enp", value: enpOf(number) },
    ],
    name: [{ family, given: [given, middle], text: `${family} ${given} ${middle}` }],
    telecom: [
      { system: "phone", value: phone },
      { system: "email", value: email },
    ],
  };
  const condition: Condition & { id: string } = {
    resourceType: "Condition",
    id: `condition-${number}`,
    subject: { reference: `Patient/${patient.id}`, display: family },
    code: { text: diagnosisOf(number), coding: [{ code: codeOf(number), display: diagnosisOf(number) }] },
    note: [{ text: `${diagnosisOf(number)}. `.repeat(200) }],
  };
  const observation: Observation & { id: string } = {
    resourceType: "Observation",
    id: `observation-${number}`,
    status: "final",
    subject: condition.subject,
    code: { text: diagnosisOf(number) },
    valueString: `подозрение: ${diagnosisOf(number)}`,
    component: [{ code: { coding: [{ code: codeOf(number) }] }, valueString: diagnosisOf(number) }],
  };
  const document: DocumentReference & { id: string } = {
    resourceType: "DocumentReference",
    id: `document-${number}`,
    status: "current",
    subject: condition.subject,
    description: diagnosisOf(number),
    content: [{ attachment: { title: diagnosisOf(number) } }],
  };
  const composition: Composition & { id: string } = {
    resourceType: "Composition",
    id: `composition-${number}`,
    status: "final",
    type: { text: diagnosisOf(number) },
    author: [{ display: family }],
    date: "2026-11-22",
    title: `${family}: ${diagnosisOf(number)}`,
  };
  const onset = { onsetString: diagnosisOf(number), abatementString: diagnosisOf(number) };
  const later = { ...condition, ...onset, verificationStatus: { text: diagnosisOf(number) } };
  return [patient, condition, later, observation, document, composition];
}

/** A dump as text and the bytes of its binary columns, which it spells in hex. */
async function dumpOf(url: string): Promise<Buffer[]> {
  const options = { maxBuffer: 1 << 28 };
  const { stdout } = await promisify(execFile)(postgresBinary("pg_dump"), ["--inserts", url], options);
  const columns = [...stdout.matchAll(/\\x((?:[0-9a-f]{2})+)/g)];
  return [Buffer.from(stdout), ...columns.map(([, hex = ""]) => Buffer.from(hex, "hex"))];
}

describe("people's data at rest", () => {
  const secretsIn = (search: LeakSearch, contents: readonly Uint8Array[]) =>
    contents.flatMap((content) => search.search("", content).map(({ form }) => form));

  it("Z-02 a dump of PostgreSQL and of Redis shows no name, СНИЛС, ENP, phone or diagnosis, in any spelling", async () => {
    const redis = await startRedis();
    stops.push(() => redis.server.stop());
    const url = await freshDatabase();
    const gateway = await startGateway({
      DATABASE_URL: url,
      REDIS_URL: redis.url,
      MASTER_KEY: masterKey.toString("base64"),
    });
    stops.push(() => gateway.remove());
    const canaries = await releaseCanaries(gateway.sandboxUrl, people);
    const search = searchFor(canaries);
    await driveDoors(gateway, canaries);
    const stored = await storeCards({ url, dataDir: "" }, canaries);
    expect(stored?.content).toMatchObject({ name: [{ family: canaries[0]?.person.family }] });

    const dump = await dumpOf(url);
    expect(dump.toString()).toContain("patient-0");
    expect(secretsIn(search, dump)).toEqual([]);
    const kept = await redisContent(redis.url);
    expect(kept.length).toBeGreaterThan(people);
    expect(
      secretsIn(
        search,
        kept.flatMap(([key, value]) => [Buffer.from(key), value]),
      ),
    ).toEqual([]);

    await plantIn(url, redis.url, canaries[0] as Canary);
    expect(secretsIn(search, await dumpOf(url))).toEqual(expect.arrayContaining(["plain", "base64"]));
    const planted = (await redisContent(redis.url)).map(([, value]) => value);
    expect(secretsIn(search, planted)).toEqual(["plain", "hex"]);
  }, 180_000);

  it("the data folder of the embedded database shows none of them, in its files and its tables", async () => {
    const gateway = await startGateway({ MASTER_KEY: masterKey.toString("base64") });
    stops.push(() => gateway.remove());
    const dataDir = String(gateway.environment.DATA_DIR);
    const canaries = await releaseCanaries(gateway.sandboxUrl, people);
    const search = searchFor(canaries);
    await driveDoors(gateway, canaries);
    await gateway.server.stop();
    await storeCards({ dataDir }, canaries);
    const tables = (await tablesContent(dataDir)).map(([, rows]) => Buffer.from(rows));
    const files = await filesOf(dataDir);
    const contentOf = (paths: readonly string[]) => Promise.all(paths.map((path) => readFile(path)));
    expect(secretsIn(search, [...tables, ...(await contentOf(files))])).toEqual([]);

    await writeFile(join(dataDir, "pg", "planted"), Buffer.from(diagnosisOf(1), "utf16le"));
    const added = (await filesOf(dataDir)).filter((path) => !files.includes(path));
    expect(secretsIn(search, await contentOf(added))).toEqual(["utf-16"]);
  }, 180_000);
});

/** What a forgotten sealing would leave behind: a clear column, a clear value, also packed and spelled otherwise. */
async function plantIn(url: string, redisUrl: string, { person }: Canary): Promise<void> {
  const { db, close } = await openDatabase({ url, dataDir: "" });
  const content = Buffer.from(JSON.stringify({ family: person.family }));
  await db
    .insertInto("resource")
    .values({
      tenant: "t",
      type: "Patient",
      id: "planted",
      version: 1,
      last_updated: 0,
      deleted: false,
      source: Buffer.from(`?${person.snils}`).toString("base64"),
      subject: null,
      content,
    })
    .execute();
  await close();
  const link = new Redis(redisUrl);
  await link.hset("planted", "name", person.family.toLowerCase());
  // long and uniform: Redis packs such a value, so that a search of its dump would miss it
  await link.set("planted-long", `${"0".repeat(5_000)}${Buffer.from(person.snils).toString("hex")}`);
  link.disconnect();
}
