import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bundle, Patient, Resource } from "@medplum/fhirtypes";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { driveClient, drivePerson } from "../../scripts/canary-calls.ts";
import { type Canary, releaseCanaries, secretsOf } from "../../scripts/canary-people.ts";
import { LeakSearch } from "../../scripts/canary-search.ts";
import { filesOf, redisContent, tablesContent } from "../../scripts/canary-stores.ts";
import { identifierSystem } from "../../src/core/canonical.ts";
import { openDatabase } from "../../src/store/database.ts";
import { freshDatabase } from "../support/database.ts";
import { type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { postgresBinary } from "../support/postgres-server.ts";
import { startRedis } from "../support/redis-server.ts";

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

/** The FHIR door: what a patient's card consists of, indexed for search, a second version included. */
async function storeCards(where: { databaseUrl?: string; dataDir?: string }, canaries: readonly Canary[]) {
  const server = await startFhirServer(where);
  try {
    for (const [number, canary] of canaries.entries()) {
      const patient = await sent(server, patientOf(canary, number));
      const reference = `Patient/${patient.id}`;
      for (const resource of clinicalOf(canary, number, reference)) await sent(server, resource);
      await sent(server, { ...patient, active: true });
      const body = new URLSearchParams({ name: canary.person.family, identifier: enpOf(number) });
      const found = await server.call<Bundle>("POST", "/Patient/_search", {
        body: `${body}`,
        headers: asForm,
      });
      expect(resourcesIn(found.body)).toMatchObject([{ id: patient.id, name: patient.name }]);
    }
  } finally {
    await server.close();
  }
}

const asForm = { "content-type": "application/x-www-form-urlencoded" };

/** Creates a resource, or updates one that has a version. */
async function sent<R extends Resource>(server: FhirServer, resource: R): Promise<R> {
  const { resourceType, id, meta } = resource;
  const [method, path] = id ? ["PUT", `/${resourceType}/${id}`] : ["POST", `/${resourceType}`];
  const headers = id ? { "if-match": `W/"${meta?.versionId}"` } : undefined;
  const answer = await server.call<R>(method, path, { body: resource, headers });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.body;
}

function patientOf({ person }: Canary, number: number): Patient {
  const { family, given, middle, snils, phone, email } = person;
  return {
    resourceType: "Patient",
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
}

/** The diagnosis wherever a resource may tell it, the person's name beside it. */
function clinicalOf({ person }: Canary, number: number, reference: string): Resource[] {
  const text = diagnosisOf(number);
  const subject = { reference, display: person.family };
  const code = {
    text,
    coding: [{ system: "https://codes.canary.example", code: codeOf(number), display: text }],
  };
  const attachment = { contentType: "text/plain", title: text };
  return [
    {
      resourceType: "Condition",
      subject,
      code,
      onsetString: text,
      note: [{ text: `${text}. `.repeat(200) }],
    },
    { resourceType: "Observation", status: "final", subject, code, valueString: `подозрение: ${text}` },
    {
      resourceType: "DocumentReference",
      status: "current",
      subject,
      description: text,
      content: [{ attachment }],
    },
    {
      resourceType: "Composition",
      status: "final",
      type: code,
      subject,
      author: [subject],
      date: "2026-11-22",
      title: `${person.family}: ${text}`,
    },
  ];
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
    });
    stops.push(() => gateway.remove());
    const canaries = await releaseCanaries(gateway.sandboxUrl, people);
    const search = searchFor(canaries);
    await driveDoors(gateway, canaries);
    await storeCards({ databaseUrl: url }, canaries);

    const dump = await dumpOf(url);
    expect(dump.toString()).toContain("DocumentReference");
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
    expect(secretsIn(search, planted).sort()).toEqual(["hex", "plain"]);
  }, 180_000);

  it("the data folder of the embedded database shows none of them, in its files and its tables", async () => {
    const gateway = await startGateway();
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
