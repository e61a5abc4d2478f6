import type { Bundle, Patient } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { codeOf, type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
beforeAll(async () => {
  server = await startFhirServer();
});
afterAll(() => server?.close());

it("a patient whose key was shredded is 410 at the door, in each version, and in no list", async () => {
  const body: Patient = { resourceType: "Patient", name: [{ family: "Забытый" }] };
  const { id } = (await server.call<Patient>("POST", "/Patient", { body })).body;
  const { db } = server.store;
  const owner = await db
    .selectFrom("data_key")
    .select(["tenant", "subject"])
    .where("subject", "=", String(id))
    .executeTakeFirstOrThrow();
  await db.transaction().execute((trx) => server.dataKeys.shred(trx, owner));
  for (const path of [`/Patient/${id}`, `/Patient/${id}/_history/1`, `/Patient/${id}/_history`]) {
    const answer = await server.call("GET", path);
    expect([path, answer.status, codeOf(answer)]).toEqual([path, 410, "gone"]);
  }
  const history = await server.call<Bundle>("GET", "/Patient/_history");
  expect(resourcesIn(history.body)).toEqual([]);
});
