import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPersonIdOf } from "../../src/flows/person-ids.ts";
import { type FhirServer, startFhirServer } from "../support/fhir-server.ts";
import { type Ask, asking, damaged, hostile, mediaTypes, members, wild } from "../support/fuzz.ts";

let server: FhirServer;
let ask: Ask;
beforeAll(async () => {
  server = await startFhirServer({
    rules: { ifMatchRequired: false },
    personIdOf: createPersonIdOf({ idOf: async () => crypto.randomUUID() }),
  });
  ask = asking(server.app, server.token);
});
afterAll(() => server?.close());

const methods = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD");
const types = fc.constantFrom(
  "Patient",
  "Observation",
  "Binary",
  "ValueSet",
  "Spaceship",
  "patient",
  "__proto__",
  "",
);
const segment = fc.oneof(hostile, fc.string({ maxLength: 20 }), fc.uuid()).map(encodeURIComponent);
const paths = fc
  .tuple(types, fc.array(segment, { maxLength: 4 }))
  .map(([type, more]) => ["", type, ...more].join("/"));
const names = fc.constantFrom(
  "_id",
  "_tag",
  "_lastUpdated",
  "_count",
  "_sort",
  "_include",
  "_revinclude",
  "_has:Observation:subject:code",
  "_summary",
  "_elements",
  "_format",
  "_pretty",
  "_total",
  "_page",
  "_since",
  "_before",
  "birthdate",
  "name:exact",
  "general-practitioner.name",
  "subject:Patient.name",
  "code:in",
  "value-quantity",
  "identifier:of-type",
  "_filter",
);
const queries = fc
  .array(
    fc.tuple(fc.oneof(names, fc.string({ maxLength: 10 })), fc.oneof(hostile, fc.string({ maxLength: 30 }))),
    {
      maxLength: 4,
    },
  )
  .map((pairs) => (pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ""));
const resources = fc.oneof(
  wild.map((value) => JSON.stringify(value)),
  fc
    .dictionary(members, wild, { maxKeys: 5 })
    .map((value) => JSON.stringify({ resourceType: "Patient", ...value })),
  fc
    .array(wild, { maxLength: 4 })
    .map((entry) => JSON.stringify({ resourceType: "Bundle", type: "transaction", entry })),
  fc
    .array(wild, { maxLength: 4 })
    .map((entry) => JSON.stringify({ resourceType: "Bundle", type: "batch", entry })),
  fc
    .array(wild, { maxLength: 4 })
    .map((parameter) => JSON.stringify({ resourceType: "Parameters", parameter })),
  fc.constantFrom(
    "",
    "{",
    "null",
    "[]",
    "<Patient",
    '<Patient xmlns="http://hl7.org/fhir"><name/></Patient>',
    "\u0000",
    "﻿{}",
  ),
  fc.string(),
);

it("every route answers any call with FHIR", async () => {
  const calls = fc.record({
    method: methods,
    path: paths,
    query: queries,
    body: resources,
    type: mediaTypes,
  });
  await fc.assert(
    fc.asyncProperty(calls, async ({ method, path, query, body, type }) => {
      const isBodiless = method === "GET" || method === "HEAD";
      await ask(method, path + query, isBodiless ? undefined : body, type);
    }),
    { numRuns: 500 },
  );
}, 120_000);

const person = {
  resourceType: "Patient",
  identifier: [{ system: "urn:oid:1.2.643.100.3", value: "112-233-445 95" }],
  name: [{ family: "Вымышленный", given: ["Анна"] }],
  contained: [
    { resourceType: "Organization", id: "o", name: "ГБУЗ", telecom: [{ system: "phone", value: "1" }] },
  ],
  managingOrganization: { reference: "#o", type: "Organization" },
};
const patch = {
  resourceType: "Parameters",
  parameter: [
    {
      name: "operation",
      part: [
        { name: "type", valueCode: "add" },
        { name: "path", valueString: "Patient" },
        { name: "name", valueString: "contact" },
        {
          name: "value",
          part: [{ name: "name", part: [{ name: "family", valueString: "Выдуманная" }] }],
        },
      ],
    },
  ],
};
const bundleWith = (request: object) => ({
  resourceType: "Bundle",
  type: "transaction",
  entry: [{ request: { method: "DELETE", url: "Location/x", ...request } }],
});
it("what is damaged here is whole before", async () => {
  expect((await server.call("POST", "/Patient", { body: person })).status).toBe(201);
});

const changesOf = (id: string) => [
  { resource: { resourceType: "Location", name: "x" }, request: { method: "POST", url: "Location" } },
  {
    fullUrl: "urn:uuid:00000000-0000-4000-8000-000000000001",
    resource: person,
    request: { method: "POST", url: "Patient", ifNoneExist: "identifier=https://mis.example|1" },
  },
  { resource: patch, request: { method: "PATCH", url: `Patient/${id}`, ifMatch: 'W/"1"' } },
  { request: { method: "GET", url: `Location/${id}`, ifNoneMatch: 'W/"1"' } },
  { request: { method: "DELETE", url: "Location/x", ifMatch: 'W/"1"' } },
];

it("every change answers any body with FHIR", async () => {
  const { id } = (await ask("POST", "/Patient", JSON.stringify(person))).json();
  const bundles = ["batch", "transaction"].flatMap((type) =>
    changesOf(id).map((entry) => ({ resourceType: "Bundle", type, entry: [entry] })),
  );
  const doors = fc.constantFrom<[string, string]>(
    ["POST", ""],
    ["POST", "/Patient"],
    ["PUT", `/Patient/${id}`],
    ["PATCH", `/Patient/${id}`],
    ["PUT", "/Patient?_tag=x"],
    ["PUT", "/Location/%00"],
    ["DELETE", "/Location/%00"],
  );
  await fc.assert(
    fc.asyncProperty(doors, resources, async ([method, path], body) => void (await ask(method, path, body))),
    { numRuns: 300 },
  );
  const nearly = fc.oneof(
    damaged({ ...person, id }).map((body) => ["PUT", `/Patient/${id}`, body] as const),
    damaged(person).map((body) => ["POST", "/Patient", body] as const),
    damaged(patch).map((body) => ["PATCH", `/Patient/${id}`, body] as const),
    damaged(...bundles).map((body) => ["POST", "", body] as const),
  );
  await fc.assert(
    fc.asyncProperty(nearly, async ([method, path, body]) => void (await ask(method, path, body))),
    { numRuns: 300 },
  );
}, 120_000);

it.each<[string, () => Promise<{ statusCode: number }>, number]>([
  ["10,000 parameters", () => ask("GET", `/Patient?${"_tag=a&".repeat(10_000)}`), 400],
  ["a _has within 500 others", () => ask("GET", `/Patient?${"_has:Patient:link:".repeat(500)}_id=1`), 400],
  ["a chain of 500", () => ask("GET", `/Patient?${"link.".repeat(500)}name=x`), 400],
  [
    "includes of each other",
    () => ask("GET", "/Patient?_tag=x&_include:iterate=Patient:link&_revinclude:iterate=Patient:link"),
    200,
  ],
  ["a forged page", () => ask("GET", `/Patient?_page=${"A".repeat(400)}`), 400],
  ["a body over the limit", () => ask("POST", "/Patient", `"${"x".repeat(1 << 20)}"`), 413],
  [
    "1,000 entries",
    () =>
      ask(
        "POST",
        "",
        JSON.stringify({ resourceType: "Bundle", type: "batch", entry: Array(1_000).fill({}) }),
      ),
    413,
  ],
  ["lists 20,000 deep", () => ask("POST", "/Patient", `${"[".repeat(20_000)}${"]".repeat(20_000)}`), 400],
  [
    "objects 2,000 deep",
    () =>
      ask("POST", "/Patient", `{"resourceType":"Patient","x":${'{"x":'.repeat(2_000)}1${"}".repeat(2_000)}}`),
    400,
  ],
  ["XML 20,000 deep", () => ask("POST", "/Patient", "<a>".repeat(20_000), "application/fhir+xml"), 413],
  [
    "an external entity",
    () =>
      ask(
        "POST",
        "/Patient",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"><id value="&e;"/></Patient>',
        "application/fhir+xml",
      ),
    400,
  ],
  [
    "the prototype's name",
    () => ask("POST", "/Patient", '{"resourceType":"Patient","__proto__":{"a":1}}'),
    400,
  ],
])("%s is bounded work", async (_name, work, status) => {
  const started = performance.now();
  const answer = await work();
  expect(answer.statusCode).toBe(status);
  expect(performance.now() - started).toBeLessThan(10_000);
});

it.each<[string, string, object, number]>([
  ["an identifier that is a number", "POST /Patient", { ...person, identifier: 5 }, 422],
  ["an identifier that is nothing", "POST /Patient", { ...person, identifier: [null] }, 422],
  [
    "a СНИЛС that is a number",
    "POST /Patient",
    { ...person, identifier: [{ system: "urn:oid:1.2.643.100.3", value: 11223344595 }] },
    422,
  ],
  ["half a surrogate pair", "POST /Patient", { ...person, name: [{ family: "a\ud800b" }] }, 422],
  ["a character that XML has not", "POST /Patient", { ...person, name: [{ family: "a\uffff" }] }, 422],
  ["a uri with NUL", "POST /Patient", { ...person, identifier: [{ system: "urn:\u0000" }] }, 422],
  ["an If-Match that is a number", "POST ", bundleWith({ ifMatch: 5 }), 400],
  ["an If-Match that is an object", "POST ", bundleWith({ ifMatch: {} }), 400],
  ["an entry's address with NUL", "POST ", bundleWith({ url: "Location/\u0000" }), 404],
  ...[[null], [{ name: "operation", part: [null] }], [{ name: "operation", part: "x" }]].map(
    (parameter): [string, string, object, number] => [
      `a patch of ${JSON.stringify(parameter)}`,
      "PATCH /Patient?_tag=none",
      { resourceType: "Parameters", parameter },
      400,
    ],
  ),
])("%s is refused", async (_name, call, body, status) => {
  const [method = "", path = ""] = call.split(" ");
  const answer = await server.call(method, path, { body });
  expect([answer.status, answer.body?.resourceType]).toEqual([status, "OperationOutcome"]);
});

it.each([
  "GET /Location/%00",
  "PUT /Location/%00",
  "DELETE /Location/%00",
  "GET /Location/%00/_history",
  "GET /Location/%00/_history/1",
  "GET /Patient/%00/Observation",
  "GET /Patient/%00/$everything",
  "GET /_async/%00",
  "DELETE /_async/%00",
])("%s names nothing that there is", async (call) => {
  const [method = "", path = ""] = call.split(" ");
  const body = method === "PUT" ? { resourceType: "Location", id: "\u0000" } : undefined;
  expect((await server.call(method, path, { body })).status).toBe(404);
});

it("bytes that are no HTTP get an answer or a closed door, and the next caller is served", async () => {
  const { hostname, port } = new URL(server.url);
  for (const bytes of [
    "\u0000\u0001\u0002",
    "GET /fhir/Patient HTTP/9.9\r\n\r\n",
    "POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
  ])
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on("data", () => socket.end());
      socket.on("close", () => resolve());
      socket.on("error", () => resolve());
    });
  expect((await server.call("GET", "/metadata")).status).toBe(200);
});
