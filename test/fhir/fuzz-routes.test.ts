import type { Bundle } from "@medplum/fhirtypes";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { subscriptionOperations } from "../../src/flows/subscriptions/operations.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { type FhirServer, startFhirServer } from "../support/fhir-server.ts";
import { type Ask, asking, hostile, mediaTypes, secret, wild } from "../support/fuzz.ts";

// what is stored, with everything permitted; and the whole gateway, for codes, maps and what is outside of types
let server: FhirServer;
let app: TestApp;
let stored: Ask;
let whole: Ask;
const ids: Record<string, string> = {};
beforeAll(async () => {
  server = await startFhirServer({
    validate: async () => [],
    operations: (parts) => ({ Subscription: subscriptionOperations(parts) }),
  });
  app = await startApp();
  stored = asking(server.app, server.token);
  whole = asking(app.app, await app.token("system/*.cruds"));
  const channel = { type: "rest-hook", endpoint: "https://mis.example/hook" };
  for (const more of [
    { resourceType: "Patient" },
    { resourceType: "Composition" },
    { resourceType: "Subscription", status: "off", criteria: "urn:topic", channel },
  ]) {
    const { resourceType } = more;
    ids[resourceType] = (
      await server.call<{ id: string }>("POST", `/${resourceType}`, { body: more })
    ).body.id;
  }
});
afterAll(async () => {
  await server?.close();
  await app?.close();
});

const values = fc.oneof(
  hostile,
  fc.constantFrom(
    secret,
    "1",
    "-1",
    "1e9",
    "2026-02-31",
    "urn:oid:1.2.643.5.1.13.13.11.1005",
    "I10",
    "Patient",
    "true",
  ),
  fc.string({ maxLength: 30 }),
);
const parameters = fc.constantFrom(
  ..."url code system version display filter offset count date activeOnly eventsSinceNumber eventsUntilNumber id _type source targetsystem codeA codeB onlyCertainMatches persist _since _at _count _page _format mode profile".split(
    " ",
  ),
);
const queryOf = (names: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(names, values), { maxLength: 5 }).map((pairs) => new URLSearchParams(pairs).toString());
const method = fc.constantFrom("GET", "POST");
const parametersBody = fc.oneof(
  fc
    .array(wild, { maxLength: 4 })
    .map((parameter) => JSON.stringify({ resourceType: "Parameters", parameter })),
  fc.array(fc.tuple(parameters, wild), { maxLength: 4 }).map((list) =>
    JSON.stringify({
      resourceType: "Parameters",
      parameter: list.map(([name, value], n) => ({
        name,
        [["valueString", "resource", "part", "valueCoding"][n % 4] ?? ""]: value,
      })),
    }),
  ),
  wild.map((value) => JSON.stringify(value)),
);

it.each<[string, () => Ask, () => readonly string[]]>([
  [
    "stored types",
    () => stored,
    () => [
      `/Patient/${ids["Patient"]}/$everything`,
      "/Patient/$everything",
      "/Patient/$match",
      `/Composition/${ids["Composition"]}/$document`,
      "/Subscription/$status",
      "/Subscription/$status?id=%00",
      "/Subscription/%00/$events",
      `/Subscription/${ids["Subscription"]}/$status`,
      `/Subscription/${ids["Subscription"]}/$events`,
    ],
  ],
  [
    "codes, maps and profiles",
    () => whole,
    () => [
      "/CodeSystem/$lookup",
      "/CodeSystem/$validate-code",
      "/CodeSystem/$subsumes",
      "/ValueSet/$expand",
      "/ValueSet/$validate-code",
      "/ConceptMap/$translate",
      "/StructureMap/$transform",
      "/Patient/$validate",
      "/Bundle/$validate",
    ],
  ],
])(
  "operations of %s answer any call with FHIR",
  async (_of, ask, paths) => {
    const calls = fc.tuple(
      method,
      fc.constantFrom(...paths()),
      queryOf(parameters),
      parametersBody,
      mediaTypes,
    );
    await fc.assert(
      fc.asyncProperty(calls, async ([verb, path, query, body, type]) => {
        await ask()(verb, `${path}?${query}`, verb === "GET" ? undefined : body, type);
      }),
      { numRuns: 200 },
    );
  },
  120_000,
);

const pointer = fc.oneof(
  fc.constantFrom(
    "/name",
    "/name/-",
    "/name/0/family",
    "/meta/tag",
    "/resourceType",
    "/id",
    "",
    "/__proto__/x",
    "/constructor/prototype",
    "/~2",
  ),
  fc.string({ maxLength: 20 }),
);
const jsonPatch = fc.array(
  fc.record(
    {
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "x"),
      path: pointer,
      from: pointer,
      value: wild,
    },
    { requiredKeys: ["op"] },
  ),
  { maxLength: 5 },
);
const fhirPath = fc.constantFrom(
  "Patient",
  "Patient.name",
  "Patient.name[0]",
  "Patient.where(",
  "%context",
  "Patient.descendants()",
  "1 + 1",
  secret,
);
const part = (name: string, value: fc.Arbitrary<unknown>) =>
  fc
    .tuple(fc.constantFrom("valueString", "valueCode", "valueInteger", "valueHumanName", "part"), value)
    .map(([member, one]) => ({ name, [member]: one }));
const fhirPatch = fc
  .array(
    fc.tuple(
      part("type", fc.constantFrom("add", "insert", "delete", "replace", "move", "x")),
      part("path", fhirPath),
      part("name", values),
      part("value", wild),
      part("index", fc.integer()),
    ),
    { maxLength: 3 },
  )
  .map((operations) => ({
    resourceType: "Parameters",
    parameter: operations.map((parts) => ({ name: "operation", part: parts })),
  }));

it("a patch of either kind answers any body with FHIR", async () => {
  const bodies = fc.oneof(
    jsonPatch.map((body) => [JSON.stringify(body), "application/json-patch+json"] as const),
    fhirPatch.map((body) => [JSON.stringify(body), "application/fhir+json"] as const),
    fc.tuple(fc.string(), mediaTypes),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async ([body, type]) => {
      await stored("PATCH", `/Patient/${ids["Patient"]}`, body, { "content-type": type, "if-match": "*" });
    }),
    { numRuns: 300 },
  );
}, 120_000);

it("bytes of any kind become a Binary or a refusal, and are given back as they were", async () => {
  const context = fc.oneof(hostile, fc.constant(`Patient/${secret}`)).map(encodeURI);
  const given = fc.tuple(
    fc.uint8Array({ maxLength: 200 }),
    fc.oneof(mediaTypes, fc.constantFrom("image/png", "a/b;c=\\", "*/*")),
    context,
  );
  await fc.assert(
    fc.asyncProperty(given, async ([bytes, type, securityContext]) => {
      const headers = { "content-type": type, "x-security-context": securityContext };
      const { statusCode, headers: answered } = await stored("POST", "/Binary", Buffer.from(bytes), headers);
      if (statusCode !== 201 || /json|xml/.test(type)) return;
      const path = new URL(String(answered.location)).pathname.replace(/^\/fhir|\/_history.*/g, "");
      expect(Buffer.compare((await stored("GET", path)).rawPayload, Buffer.from(bytes))).toBe(0);
    }),
    { numRuns: 150 },
  );
}, 120_000);

const names = fc.oneof(
  fc.constantFrom(
    "name",
    "name:exact",
    "identifier",
    "_id",
    "_has:Observation:subject:code",
    "_has:Observation:subject:_has:Provenance:target:agent",
    "_include",
    "_include:iterate",
    "_revinclude:iterate",
    "_sort",
    "_count",
    "_total",
    "general-practitioner.name",
    "link:Patient.name",
    "birthdate",
    "_page",
    "_summary",
  ),
  fc.string({ maxLength: 10 }),
);
const inclusions = fc.constantFrom(
  "Patient:link",
  "Patient:*",
  "*",
  "Observation:subject",
  "Provenance:target",
  ":",
  "Patient:link:Spaceship",
);

it("a form that is searched by answers with FHIR, and its links show no name of a person", async () => {
  // elsewhere it would be a reference or a code, which links do show
  const harmless = fc.oneof(
    values.filter((value) => value !== secret),
    inclusions,
  );
  const form = fc.array(fc.tuple(names, harmless), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(form, fc.boolean(), async (pairs, isLenient) => {
      const body = new URLSearchParams([["name", secret], ...pairs]).toString();
      const headers = {
        "content-type": "application/x-www-form-urlencoded",
        ...(isLenient && { prefer: "handling=lenient" }),
      };
      const { body: text } = await stored("POST", "/Patient/_search", body, headers);
      expect(JSON.stringify((JSON.parse(text) as Bundle).link ?? [])).not.toMatch(
        new RegExp(`${secret}|${encodeURIComponent(secret)}`),
      );
    }),
    { numRuns: 250 },
  );
}, 120_000);

it("what stands outside of types answers any query with FHIR", async () => {
  const doors = fc.constantFrom<[() => Ask, string]>(
    [() => whole, "/metadata"],
    [() => whole, "/.well-known/smart-configuration"],
    [() => stored, "/_history"],
    [() => stored, "/Location/_history"],
    [() => stored, `/Location/${"x".repeat(64)}/_history`],
    [() => stored, ""],
  );
  const methods = fc.constantFrom("GET", "HEAD", "POST", "DELETE", "PUT");
  await fc.assert(
    fc.asyncProperty(
      doors,
      methods,
      queryOf(fc.oneof(parameters, names)),
      wild,
      async ([ask, path], verb, query, body) => {
        const isBodiless = verb === "GET" || verb === "HEAD";
        await ask()(verb, `${path}?${query}`, isBodiless ? undefined : JSON.stringify(body));
      },
    ),
    { numRuns: 300 },
  );
}, 120_000);

it("a page link opens nothing when a character of it is another", async () => {
  for (let n = 0; n < 3; n++) await server.call("POST", "/Location", { body: { resourceType: "Location" } });
  const { body } = await server.call<Bundle>("GET", "/Location?_count=1");
  const next = new URL(body.link?.find(({ relation }) => relation === "next")?.url ?? "");
  const token = next.searchParams.get("_page") ?? "";
  expect((await stored("GET", `/Location?_page=${token}`)).statusCode).toBe(200);
  const forged = fc
    .tuple(fc.nat(token.length - 1), fc.constantFrom(..."ABCXYZabcxyz0189-_"))
    .map(([at, by]) => token.slice(0, at) + by + token.slice(at + 1))
    // the last character holds bits that mean nothing
    .filter((text) => text.slice(0, -1) !== token.slice(0, -1));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        forged,
        fc.nat(token.length - 1).map((end) => token.slice(0, end)),
      ),
      async (text) => {
        const { statusCode } = await stored("GET", `/Location?_page=${text}`);
        expect([400, 410]).toContain(statusCode);
      },
    ),
    { numRuns: 150 },
  );
  expect((await stored("GET", `/Slot?_page=${token}`)).statusCode).toBe(400);
}, 60_000);
