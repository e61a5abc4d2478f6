import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle, Resource } from "@medplum/fhirtypes";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { driveClient, drivePerson } from "../../scripts/canary-calls.ts";
import { clinicalOf, patientOf } from "../../scripts/canary-card.ts";
import { type Canary, releaseCanaries, secretsOf } from "../../scripts/canary-people.ts";
import { LeakSearch } from "../../scripts/canary-search.ts";
import { dumpOf, filesOf, redisContent, tablesContent } from "../../scripts/canary-stores.ts";
import { openDatabase } from "../../src/store/database.ts";
import { freshDatabase } from "../support/database.ts";
import { type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis-server.ts";

const people = 3;
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const searchFor = (canaries: readonly Canary[]) => new LeakSearch(canaries.flatMap(secretsOf));

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
    for (const canary of canaries) {
      const patient = await sent(server, patientOf(canary));
      const reference = `Patient/${patient.id}`;
      for (const resource of clinicalOf(canary, reference)) await sent(server, resource);
      await sent(server, { ...patient, active: true });
      const body = new URLSearchParams({ name: canary.person.family, identifier: canary.card.enp });
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
    expect(String(dump[0])).toContain("DocumentReference");
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

    await writeFile(
      join(dataDir, "pg", "planted"),
      Buffer.from(canaries[1]?.card.diagnosis ?? "", "utf16le"),
    );
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
