import type { Bundle, CapabilityStatement, Patient } from "@medplum/fhirtypes";
import { Client } from "fhir-kit-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
let client: Client;
let patient: Patient & { id: string };
const resourceType = "Patient";
beforeAll(async () => {
  server = await startFhirServer();
  client = counted(new Client({ baseUrl: `${server.url}/fhir`, bearerToken: server.token }));
  const body = { resourceType, name: [{ family: "Клиентов" }], meta: { tag: [{ code: "kit" }] } };
  patient = (await client.create({ resourceType, body })) as unknown as typeof patient;
});
afterAll(() => server?.close());

// not declared for callers: resourceSearch and systemSearch go through it
const inner = new Set(["constructor", "baseSearch"]);
const called = new Set<string>();
/** The client, whose calls are remembered. */
const counted = (one: Client): Client =>
  new Proxy(one, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      called.add(String(name));
      return member.bind(target);
    },
  });

const ifMatch = (version: string) => ({ options: { headers: { "if-match": `W/"${version}"` } } });
const bundle = (type: "batch" | "transaction") => ({
  body: {
    resourceType: "Bundle" as const,
    type,
    entry: [{ request: { method: "GET" as const, url: `Patient/${patient.id}` } }],
  },
});

// a client of others' making, all of whose calls must work here
describe("fhir-kit-client", () => {
  it("capabilityStatement, smartAuthMetadata", async () => {
    const statement = (await client.capabilityStatement()) as unknown as CapabilityStatement;
    expect(statement.rest?.[0]?.interaction?.map(({ code }) => code)).toContain("transaction");
    const { tokenUrl } = await client.smartAuthMetadata();
    expect(String(tokenUrl)).toContain("/auth/token");
  });

  it("create, read, vread, resolve, request", async () => {
    expect(patient.id).toBeDefined();
    expect(await client.read({ resourceType, id: patient.id })).toEqual(patient);
    expect(await client.vread({ resourceType, id: patient.id, version: "1" })).toEqual(patient);
    expect(await client.resolve({ reference: `Patient/${patient.id}` })).toEqual(patient);
    expect(await client.request(`Patient/${patient.id}`)).toEqual(patient);
  });

  it("update, patch, delete", async () => {
    const { id } = (await client.create({
      resourceType,
      body: { resourceType },
    })) as unknown as typeof patient;
    const updated = await client.update({
      resourceType,
      id,
      body: { resourceType, id, active: true },
      ...ifMatch("1"),
    });
    expect(updated).toMatchObject({ active: true, meta: { versionId: "2" } });
    const jsonPatch = [{ op: "replace" as const, path: "/active", value: false }];
    expect(await client.patch({ resourceType, id, jsonPatch, ...ifMatch("2") })).toMatchObject({
      active: false,
    });
    await client.delete({ resourceType, id, ...ifMatch("3") });
    await expect(client.read({ resourceType, id })).rejects.toMatchObject({ response: { status: 410 } });
  });

  it("update by criteria", async () => {
    const body = { resourceType, meta: { tag: [{ code: "kit-criteria" }] } };
    const searchParams = { _tag: "kit-criteria" };
    const first = await client.update({ resourceType, searchParams, body });
    const second = await client.update({ resourceType, searchParams, body });
    expect(second.id).toBe(first.id);
  });

  it("search of a type, of the system, of a compartment, by POST, with pages", async () => {
    const body = {
      resourceType: "Observation" as const,
      status: "final" as const,
      code: { text: "пульс" },
      subject: { reference: `Patient/${patient.id}` },
    };
    for (let n = 0; n < 3; n += 1) await client.create({ resourceType: "Observation", body });
    const searchParams = { _tag: "kit" };
    const idsOf = (found: unknown) => resourcesIn(found as Bundle).map(({ id }) => id);
    expect(idsOf(await client.search({ resourceType, searchParams }))).toEqual([patient.id]);
    expect(idsOf(await client.resourceSearch({ resourceType, searchParams }))).toEqual([patient.id]);
    const posted = await client.resourceSearch({ resourceType, searchParams, options: { postSearch: true } });
    expect(idsOf(posted)).toEqual([patient.id]);
    const system = await client.systemSearch({ searchParams: { _type: "Patient", _tag: "kit" } });
    expect(idsOf(system)).toEqual([patient.id]);
    const compartment = { resourceType, id: patient.id };
    const found = await client.compartmentSearch({ resourceType: "Observation", compartment });
    expect(idsOf(found)).toHaveLength(3);
    const paged = await client.search({
      resourceType: "Observation",
      searchParams: { subject: `Patient/${patient.id}`, _count: 2 },
    });
    // links name the public address
    const local = JSON.parse(JSON.stringify(paged).replaceAll(server.baseUrl, `${server.url}/fhir`));
    const next = await client.nextPage({ bundle: local });
    expect(idsOf(next)).toHaveLength(1);
    const back = JSON.parse(JSON.stringify(next).replaceAll(server.baseUrl, `${server.url}/fhir`));
    expect(idsOf(await client.prevPage({ bundle: back }))).toHaveLength(2);
  });

  it("history of a resource, of a type, of the system", async () => {
    const one = (await client.resourceHistory({ resourceType, id: patient.id })) as unknown as Bundle;
    expect(resourcesIn(one)).toEqual([patient]);
    expect((await client.history({ resourceType, id: patient.id })).type).toBe("history");
    expect((await client.typeHistory({ resourceType })).type).toBe("history");
    expect((await client.systemHistory()).type).toBe("history");
  });

  it("operation by GET and POST, of a type and of an instance", async () => {
    const everything = await client.operation({
      resourceType,
      id: patient.id,
      name: "everything",
      method: "GET",
    });
    expect(resourcesIn(everything as unknown as Bundle)).toContainEqual(patient);
    const input = {
      resourceType: "Parameters" as const,
      parameter: [{ name: "resource", resource: { resourceType, name: patient.name } }],
    };
    const matched = await client.operation({ resourceType, name: "match", input });
    expect(matched).toMatchObject({ resourceType: "Bundle", type: "searchset" });
  });

  it("batch, transaction", async () => {
    for (const type of ["batch", "transaction"] as const) {
      const answer = (await client[type](bundle(type))) as unknown as Bundle;
      expect(resourcesIn(answer)).toEqual([patient]);
    }
  });

  it("has no call that was not made here", () => {
    const calls = Object.entries(Object.getOwnPropertyDescriptors(Client.prototype))
      .filter(([name, { value }]) => typeof value === "function" && !inner.has(name) && !name.startsWith("_"))
      .map(([name]) => name);
    expect(calls.filter((name) => !called.has(name))).toEqual([]);
  });
});
