import { readFileSync } from "node:fs";
import type {
  Binary,
  Bundle,
  CapabilityStatement,
  ConceptMap,
  OperationOutcome,
  Parameters,
  ParametersParameter,
  Resource,
  StructureMap,
} from "@medplum/fhirtypes";
import { encode } from "iconv-lite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resourceOfXml, xmlOfResource } from "../../src/fhir/xml-codec.ts";
import { startApp, type TestApp } from "../support/app.ts";

const base = "https://cabinet-gateway.example/fhir";
const toFhir = `${base}/StructureMap/frmr-person-to-fhir`;
const fromFhir = `${base}/StructureMap/frmr-person-from-fhir`;
const gender = `${base}/ConceptMap/frmr-person-gender`;
const sexSystem = `${base}/CodeSystem/frmr-sex`;

const fixture = (file: string) =>
  readFileSync(new URL(`../../mappings/frmr/person/fixtures/one-job/${file}`, import.meta.url), "utf8");
const medStaff = fixture("input.xml");
const expected = JSON.parse(fixture("expected.json")) as Bundle;
const moment = "asOf=2026-11-21T09:00:00.000Z&today=2026-11-21";

let gateway: TestApp;
let token = "";
beforeAll(async () => {
  gateway = await startApp();
  token = await gateway.token("system/ConceptMap.rs system/StructureMap.crs");
});
afterAll(() => gateway?.close());

async function call<T = Parameters>(path: string, init: RequestInit = {}, bearer = token) {
  const headers = { authorization: `Bearer ${bearer}`, ...init.headers };
  const answer = await fetch(`${gateway.url}/fhir/${path}`, { ...init, headers });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

const post = <T = Parameters>(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  more: Record<string, string> = {},
) => call<T>(path, { method: "POST", body, headers: { "content-type": type, ...more } });

const named = (parameters: Parameters, name: string) =>
  (parameters.parameter ?? []).filter((parameter) => parameter.name === name);
const partOf = (parameter: ParametersParameter | undefined, name: string) =>
  parameter?.part?.find((part) => part.name === name);
const issueOf = (outcome: OperationOutcome) => ({
  code: outcome.issue[0]?.details?.coding?.[0]?.code,
  diagnostics: outcome.issue[0]?.diagnostics,
  expression: outcome.issue[0]?.expression,
});

describe("ConceptMap", () => {
  it("is found by url and by the systems on both sides, and read by its id", async () => {
    const byUrl = await call<Bundle>(`ConceptMap?url=${encodeURIComponent(gender)}`);
    const [found] = (byUrl.body.entry ?? []).map(({ resource }) => resource as ConceptMap);
    expect(found).toMatchObject({ id: "frmr-person-gender", url: gender, status: "active" });
    expect(found?.group?.[0]?.element?.map(({ code, target }) => [code, target?.[0]?.code])).toEqual([
      ["Male", "male"],
      ["Female", "female"],
    ]);
    const bySystems = await call<Bundle>(
      `ConceptMap?source-system=${encodeURIComponent(sexSystem)}&target-system=${encodeURIComponent("http://hl7.org/fhir/administrative-gender")}`,
    );
    expect(bySystems.body.entry?.map(({ resource }) => resource?.id)).toEqual(["frmr-person-gender"]);
    const read = await call<ConceptMap>("ConceptMap/frmr-person-gender");
    expect(read.body).toEqual(found);
  });

  it("is listed whole without a criterion, and each entry can be written as XML", async () => {
    const { body } = await call<Bundle>("ConceptMap");
    expect(body.total).toBeGreaterThan(10);
    expect(resourceOfXml(xmlOfResource(body as Resource))).toEqual(body);
  });
});

describe("ConceptMap/$translate", () => {
  it("gives the counterpart of a code by GET and by POST", async () => {
    const query = new URLSearchParams({ url: gender, code: "Male", system: sexSystem });
    const byGet = await call(`ConceptMap/$translate?${query}`);
    expect(named(byGet.body, "result")[0]?.valueBoolean).toBe(true);
    const [match] = named(byGet.body, "match");
    expect(partOf(match, "concept")?.valueCoding).toEqual({
      system: "http://hl7.org/fhir/administrative-gender",
      code: "male",
      display: "Male",
    });
    expect(partOf(match, "source")?.valueUri).toBe(gender);
    const asked: Parameters = {
      resourceType: "Parameters",
      parameter: [{ name: "coding", valueCoding: { system: sexSystem, code: "Male" } }],
    };
    const byPost = await post("ConceptMap/$translate", JSON.stringify(asked), "application/fhir+json");
    expect(byPost.body).toEqual(byGet.body);
    const inXml = await post("ConceptMap/$translate", xmlOfResource(asked), "application/fhir+xml");
    expect(inXml.body).toEqual(byGet.body);
  });

  it("a code without a row, or of another system, is result false with a message", async () => {
    for (const query of [
      { url: gender, code: "Unknown", system: sexSystem },
      { url: gender, code: "Male", system: "urn:example:other" },
      { url: gender, code: "Male", system: sexSystem, targetsystem: "urn:example:other" },
    ]) {
      const { status, body } = await call(
        `ConceptMap/$translate?${new URLSearchParams(query as Record<string, string>)}`,
      );
      expect([status, named(body, "result")[0]?.valueBoolean, named(body, "match")]).toEqual([
        200,
        false,
        [],
      ]);
      expect(named(body, "message")[0]?.valueString).toBeTruthy();
    }
  });

  it.each([
    ["without a code", { url: gender }, 400, "bad-request", "code"],
    ["with a code and nothing else", { code: "Male" }, 400, "bad-request", "system"],
    ["of a map that is not there", { url: `${gender}x`, code: "Male" }, 404, "not-found", "url"],
    ["with a parameter it lacks", { url: gender, code: "Male", tea: "x" }, 400, "unknown-parameter", "tea"],
  ])("a request %s is refused with the parameter's name", async (...[, query, status, code, field]) => {
    const answer = await call<OperationOutcome>(
      `ConceptMap/$translate?${new URLSearchParams(query as Record<string, string>)}`,
    );
    expect(answer.status).toBe(status);
    expect(issueOf(answer.body)).toMatchObject({ code, expression: [field] });
  });

  it("needs the scope of reading ConceptMap", async () => {
    const narrow = await gateway.token("system/Practitioner.rs");
    const { status } = await call(`ConceptMap/$translate?code=Male&url=${gender}`, {}, narrow);
    expect(status).toBe(403);
  });
});

describe("StructureMap", () => {
  it("lists every map with its text and what it reads and makes", async () => {
    const { body } = await call<Bundle>("StructureMap");
    const maps = (body.entry ?? []).map(({ resource }) => resource as StructureMap);
    expect(maps.map(({ url }) => url)).toEqual(expect.arrayContaining([toFhir, fromFhir]));
    const map = maps.find(({ url }) => url === toFhir);
    expect(map?.structure?.find(({ mode }) => mode === "source")?.url).toContain("FrmrAnswer");
    expect(map?.text?.div).toContain("group FrmrPerson(source answer : FrmrAnswer");
    expect(resourceOfXml(xmlOfResource(body as Resource))).toEqual(body);
  });
});

const transform = (map: string, more = "") =>
  `StructureMap/$transform?source=${encodeURIComponent(map)}${more && `&${more}`}`;

describe("StructureMap/$transform", () => {
  it("makes of a wire document in XML what the codec makes of it, in both encodings", async () => {
    const { status, body } = await post<Bundle>(transform(toFhir, moment), medStaff, "application/xml");
    expect([status, body]).toEqual([200, expected]);
    const in1251 = encode(medStaff.replace("UTF-8", "windows-1251"), "win1251");
    const other = await post<Bundle>(transform(toFhir, moment), new Uint8Array(in1251), "text/xml");
    expect(other.body).toEqual(expected);
  });

  it("takes the content in Parameters too: as text and as Binary", async () => {
    const parameters = (content: ParametersParameter): Parameters => ({
      resourceType: "Parameters",
      parameter: [
        { name: "source", valueUri: toFhir },
        { name: "asOf", valueInstant: "2026-11-21T09:00:00.000Z" },
        { name: "today", valueDate: "2026-11-21" },
        content,
      ],
    });
    const data = Buffer.from(medStaff).toString("base64");
    for (const content of [
      { name: "content", valueString: medStaff },
      {
        name: "content",
        resource: { resourceType: "Binary", contentType: "application/xml", data } as Binary,
      },
    ]) {
      const body = JSON.stringify(parameters(content));
      const answer = await post<Bundle>("StructureMap/$transform", body, "application/fhir+json");
      expect(answer.body).toEqual(expected);
    }
  });

  it("makes the wire document of the resources again, as Binary", async () => {
    const { body } = await post<Binary>(
      transform(fromFhir),
      JSON.stringify(expected),
      "application/fhir+json",
    );
    expect(body.contentType).toBe("application/xml");
    const text = Buffer.from(body.data ?? "", "base64").toString("utf8");
    const spaces = /\s+(?=<)/g;
    expect(text.replace(spaces, "")).toBe(fixture("back.xml").replace(spaces, "").trim());
  });

  it("Prefer: trace gives the rule and line of each element to a client with the scope", async () => {
    const { body, headers } = await post(transform(toFhir, moment), medStaff, "application/xml", {
      prefer: "trace",
    });
    expect(headers.get("preference-applied")).toBe("trace");
    expect(named(body, "result")[0]?.resource).toEqual(expected);
    const family = named(body, "trace").find(({ part }) =>
      part?.some(({ valueString }) => valueString?.endsWith("name[0].family")),
    );
    expect(partOf(family, "source")?.valueString).toBe("answer.Employee.General.Surname");
    expect(partOf(family, "rule")?.valueString).toBe("family");
    const line = partOf(family, "line")?.valueInteger ?? 0;
    const map = readFileSync(new URL("../../mappings/frmr/person/to-fhir.fml", import.meta.url), "utf8");
    expect(map.split("\n")[line - 1]).toContain("name.family");
    expect(JSON.stringify(named(body, "trace"))).not.toContain("Примеров");
  });

  it("a client without the scope gets the result in the sandbox, but no trace", async () => {
    const narrow = await gateway.token("system/Practitioner.rs");
    const init = {
      method: "POST",
      body: medStaff,
      headers: { "content-type": "application/xml", prefer: "trace" },
    };
    const { status, headers, body } = await call<Bundle>(transform(toFhir, moment), init, narrow);
    expect([status, headers.get("preference-applied"), body]).toEqual([200, null, expected]);
  });

  const job = (text: string | RegExp, instead: string) => {
    expect(medStaff).toMatch(text);
    return medStaff.replace(text, instead);
  };

  it("an unknown code names map, line, both paths and no value", async () => {
    const sent = job("<Sex>Male</Sex>", "<Sex>Secret</Sex>");
    const { status, body } = await post<OperationOutcome>(transform(toFhir), sent, "application/xml");
    const issue = issueOf(body);
    expect([status, issue.code]).toEqual([422, "code-not-mapped"]);
    expect(issue.diagnostics).toMatch(
      /FrmrPersonToFhir:\d+:\d+ rule "gender" unmapped-code: .*General\.Sex -> .*gender \(/,
    );
    expect(issue.diagnostics).not.toContain("Secret");
  });

  it.each([
    ["a day that is none", /(?<=<Birthdate>)[^<]*/, "2020-02-31", "mapping-refused"],
    ["a missing element that is due", /<Surname>.*<\/Surname>/, "", "mapping-refused"],
    ["a document of another namespace", "rosminzdrav.ru/MedStaff", "example.org/other", "mapping-refused"],
    ["an element where text is due", /<Surname>/, "<Surname><B/>", "bad-request"],
    ["an element named __proto__", "<FIO>", "<__proto__>x</__proto__><FIO>", "bad-request"],
    ["a document cut off", "</ArrayOfEmployee>", "", "bad-request"],
  ])("%s is refused with its place", async (...[, text, instead, code]) => {
    const answer = await post<OperationOutcome>(transform(toFhir), job(text, instead), "application/xml");
    const issue = issueOf(answer.body);
    expect([answer.status, issue.code]).toEqual([code === "bad-request" ? 400 : 422, code]);
    expect(`${issue.diagnostics} ${issue.expression}`).toMatch(/:\d+:\d+|line \d+|Employee|content/);
  });

  it.each([
    [
      "an array in place of an object",
      '{"FIO":"x","General":[],"Document":{"SNILS":"x"}}',
      "Employee.General",
    ],
    [
      "an object in place of text",
      '{"General":{"Surname":{}},"Document":{"SNILS":"x"}}',
      "Employee.General.Surname",
    ],
    ["no object at all", "[1]", "Employee"],
  ])("JSON with %s is refused at its path", async (_what, sent, path) => {
    const { status, body } = await post<OperationOutcome>(transform(toFhir), sent, "application/json");
    expect([status, issueOf(body).expression]).toEqual([422, [path]]);
  });

  it("JSON that is none, that pollutes, or over the limit is refused soon", async () => {
    for (const [sent, status] of [
      ['{"a":', 400],
      ['{"__proto__":{"polluted":true},"General":{"Surname":"x"}}', 400],
      [`{"FIO":"${"x".repeat(10_000_000)}"}`, 413],
    ] as const) {
      const began = performance.now();
      const answer = await post(transform(toFhir), sent, "application/json");
      expect(answer.status).toBe(status);
      expect(performance.now() - began).toBeLessThan(3_000);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("a map that is not there and a missing source are told apart", async () => {
    expect((await post(transform(`${base}/StructureMap/none`), medStaff, "text/xml")).status).toBe(404);
    expect((await post("StructureMap/$transform", medStaff, "text/xml")).status).toBe(400);
  });
});

describe("metadata", () => {
  it("stands on the page of the docs too", async () => {
    const page = await (await fetch(`${gateway.url}/docs`)).text();
    expect(page).toContain("/fhir/ConceptMap/$translate");
  });

  it("tells the operations with their definitions", async () => {
    const { body } = await call<CapabilityStatement>("metadata");
    const operations = body.rest?.[0]?.resource?.flatMap(({ type, operation = [] }) =>
      operation.map(({ name, definition }) => [type, name, definition]),
    );
    expect(operations).toEqual(
      expect.arrayContaining([
        ["ConceptMap", "translate", "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate"],
        ["StructureMap", "transform", "http://hl7.org/fhir/OperationDefinition/StructureMap-transform"],
      ]),
    );
  });
});
