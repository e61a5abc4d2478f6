import type { Bundle, Patient } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { resourceOfXml } from "../../src/fhir/xml-codec.ts";
import { codeOf, type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
let patient: Patient;
beforeAll(async () => {
  server = await startFhirServer();
  const body = {
    resourceType: "Patient",
    text: { status: "generated", div: '<div xmlns="http://www.w3.org/1999/xhtml">Иванов <b>И.</b></div>' },
    meta: { tag: [{ code: "seen" }] },
    name: [{ family: "Иванов" }],
    contact: [{ name: { family: "Петров" } }],
    maritalStatus: { text: "в браке" },
    deceasedBoolean: false,
    communication: [{ language: { text: "русский" }, preferred: true }],
  };
  patient = (await server.call<Patient>("POST", "/Patient", { body })).body;
});
afterAll(() => server?.close());

const subsetted = expect.objectContaining({ code: "SUBSETTED" });
const keysOf = (resource: object | undefined) => Object.keys(resource ?? {}).sort();

it.each([
  ["_summary=true", ["deceasedBoolean", "name"]],
  ["_summary=text", ["text"]],
  ["_summary=data", ["communication", "contact", "deceasedBoolean", "maritalStatus", "name"]],
  ["_elements=name,deceased", ["deceasedBoolean", "name"]],
  ["_elements=Patient.maritalStatus", ["maritalStatus"]],
])("a read with %s shows a part and says so", async (query, shown) => {
  const answer = await server.call<Patient>("GET", `/Patient/${patient.id}?${query}`);
  expect(keysOf(answer.body)).toEqual(["id", "meta", "resourceType", ...shown].sort());
  expect(answer.body.meta).toMatchObject({ versionId: "1", tag: [{ code: "seen" }, subsetted] });
  expect(answer.headers.get("etag")).toBe('W/"1"');
});

it("mandatory elements stay, also of parts", async () => {
  const body = { resourceType: "Observation", status: "final", code: { text: "x" }, note: [{ text: "y" }] };
  const { body: stored } = await server.call("POST", "/Observation", { body });
  const answer = await server.call("GET", `/Observation/${stored.id}?_elements=note`);
  expect(keysOf(answer.body)).toEqual(["code", "id", "meta", "note", "resourceType", "status"]);
  const unasked = await server.call("GET", `/Observation/${stored.id}?_summary=false`);
  expect(unasked.body).toEqual(stored);
});

it("a search shows parts of its entries, and with _summary=count only how many", async () => {
  const parts = await server.call<Bundle>("GET", "/Patient?_tag=seen&_elements=name");
  expect(resourcesIn(parts.body).map(keysOf)).toEqual([["id", "meta", "name", "resourceType"]]);
  const counted = await server.call<Bundle>("GET", "/Patient?_tag=seen&_summary=count");
  expect(counted.body).toMatchObject({ type: "searchset", total: 1 });
  expect(counted.body.entry).toBeUndefined();
  const form = await server.call<Bundle>("POST", "/Patient/_search", {
    body: "_tag=seen&_elements=name",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(resourcesIn(form.body).map(keysOf)).toEqual([["id", "meta", "name", "resourceType"]]);
});

it("_pretty has a line for each element, in JSON and in XML, and changes nothing", async () => {
  const json = await server.call("GET", `/Patient/${patient.id}?_pretty=true`);
  expect(json.text).toContain('\n  "resourceType": "Patient"');
  expect(json.body).toEqual(patient);
  const xml = await server.call("GET", `/Patient/${patient.id}?_pretty=true&_format=xml`);
  expect(xml.text).toContain('\n    <family value="Иванов"/>');
  expect(xml.text).toContain(">Иванов <b>И.</b></div>");
  expect(resourceOfXml(xml.text)).toEqual(patient);
});

it.each(["_summary=maybe", "_elements=", "_elements=a;b", "_pretty=very", "_summary=true&_elements=name"])(
  "%s is refused",
  async (query) => {
    const answer = await server.call("GET", `/Patient/${patient.id}?${query}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
  },
);

it("a part that is sent back is refused, for it would delete the rest", async () => {
  const part = await server.call<Patient>("GET", `/Patient/${patient.id}?_elements=name`);
  const headers = { "if-match": 'W/"1"' };
  const answer = await server.call("PUT", `/Patient/${patient.id}`, { body: part.body, headers });
  expect([answer.status, codeOf(answer)]).toEqual([422, "validation-failed"]);
  const { body } = await server.call("GET", `/Patient/${patient.id}`);
  expect(body).toEqual(patient);
});
