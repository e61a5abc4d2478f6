import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freshDatabase, withClient } from "../support/database.ts";
import { Door, sandboxPeople } from "../support/door.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await freshDatabase();
  gateway = await startGateway({ DATABASE_URL: databaseUrl });
});
afterAll(() => gateway?.remove());

async function journalledRequests(): Promise<Set<string>> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query("select row::json->>'requestId' as id from journal"),
  );
  return new Set(rows.map(({ id }) => id));
}

it("kill -9 under load loses no journal row of an answered request", async () => {
  const door = await Door.open(gateway);
  const people = await sandboxPeople(gateway);
  const id = await door.idOf(people.get("doctor")!);
  const answered: string[] = [];
  let killed = false;
  const client = async () => {
    while (!killed) {
      const requestId = randomUUID();
      const reply = await door
        .call(`/fhir/Practitioner/${id}`, { headers: { "x-request-id": requestId } })
        .catch(() => undefined);
      if (reply?.status === 200) answered.push(requestId);
    }
  };
  const load = Promise.all(Array.from({ length: 16 }, client));
  await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(300);
  await gateway.server.kill();
  killed = true;
  await load;

  const kept = await journalledRequests();
  expect(answered.filter((requestId) => !kept.has(requestId))).toEqual([]);

  await gateway.server.start();
  const after = await (await Door.open(gateway)).call(`/fhir/Practitioner/${id}`);
  expect(after.status).toBe(200);
});
