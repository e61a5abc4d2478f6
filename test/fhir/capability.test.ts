import type { CapabilityStatement } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { proveCapability } from "../support/capability/run.ts";
import { freshDatabase } from "../support/database.ts";
import { startFhirServer } from "../support/fhir-server.ts";

it("every line of /fhir/metadata holds: interactions, parameters, modifiers, includes, operations", async () => {
  const { passed, failed } = await proveCapability(await freshDatabase());
  expect(failed).toEqual([]);
  expect(passed).toBeGreaterThan(1_000);
}, 300_000);

it.each([
  [true, "versioned-update", 412],
  [false, "versioned", 200],
])("where If-Match is required: %s, updates are %s", async (ifMatchRequired, versioning, status) => {
  const server = await startFhirServer({ rules: { ifMatchRequired } });
  try {
    const { body } = await server.call<CapabilityStatement>("GET", "/metadata");
    const stated = body.rest?.[0]?.resource?.find(({ type }) => type === "Location");
    expect(stated?.versioning).toBe(versioning);
    const { body: place } = await server.call("POST", "/Location", { body: { resourceType: "Location" } });
    const changed = { resourceType: "Location", id: place.id, name: "кабинет" };
    expect((await server.call("PUT", `/Location/${place.id}`, { body: changed })).status).toBe(status);
  } finally {
    await server.close();
  }
});
