import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FhirServer, startFhirServer } from "../support/fhir-server.ts";
import { type Ask, asking, hostile, mediaTypes, members, wild } from "../support/fuzz.ts";

let server: FhirServer;
let ask: Ask;
beforeAll(async () => {
  server = await startFhirServer();
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

it("every change answers any body with FHIR", async () => {
  const id = crypto.randomUUID();
  const doors = fc.constantFrom<[string, string]>(
    ["POST", ""],
    ["POST", "/Patient"],
    ["PUT", `/Patient/${id}`],
    ["PATCH", `/Patient/${id}`],
    ["PUT", "/Patient?_tag=x"],
  );
  await fc.assert(
    fc.asyncProperty(doors, resources, async ([method, path], body) => void (await ask(method, path, body))),
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
