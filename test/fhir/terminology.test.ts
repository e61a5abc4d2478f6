import type { Bundle, CodeSystem, OperationOutcome, Parameters, ValueSet } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createValidator } from "../../src/fhir/validation/validator.ts";
import { startApp, type TestApp } from "../support/app.ts";

const icd = "urn:oid:1.2.643.5.1.13.13.11.1005";
const gender = "http://hl7.org/fhir/ValueSet/administrative-gender";
const base = "https://cabinet-gateway.example/fhir";

let gateway: TestApp;
let token = "";
beforeAll(async () => {
  gateway = await startApp();
  token = await gateway.token("system/CodeSystem.rs system/ValueSet.rs system/StructureDefinition.rs");
});
afterAll(() => gateway?.close());

async function get<T>(path: string, query: Record<string, string> = {}) {
  const answer = await fetch(`${gateway.url}/fhir/${path}?${new URLSearchParams(query)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

async function post<T>(path: string, body: unknown) {
  const answer = await fetch(`${gateway.url}/fhir/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/fhir+json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

const valuesOf = ({ parameter = [] }: Parameters) =>
  Object.fromEntries(
    parameter
      .filter(({ part }) => part === undefined)
      .map(({ name, ...value }) => [name, Object.values(value)[0] as unknown]),
  );
const codesOf = ({ expansion }: ValueSet) => expansion?.contains?.map(({ code }) => code);
const problem = ({ status, body }: { status: number; body: OperationOutcome }) => [
  status,
  body.issue?.[0]?.details?.coding?.[0]?.code,
  body.issue?.[0]?.code,
];

describe("CodeSystem", () => {
  it("$lookup loads a dictionary that is not here yet and gives name, version, parent", async () => {
    const { status, body } = await get<Parameters>("CodeSystem/$lookup", { system: icd, code: "I10" });
    expect(status).toBe(200);
    expect(valuesOf(body)).toMatchObject({ display: "Эссенциальная [первичная] гипертензия" });
    expect(valuesOf(body)["version"]).toMatch(/^\d/);
    expect(body.parameter).toContainEqual({
      name: "property",
      part: [
        { name: "code", valueCode: "parent" },
        { name: "value", valueCode: "I10-I15" },
      ],
    });
  });

  it("an alias of the dictionary and POST mean the same", async () => {
    const alias = (await get<Bundle<CodeSystem>>("CodeSystem", { url: icd })).body.entry?.[0]?.resource;
    const system = alias?.identifier?.[0]?.value ?? "";
    expect(system).toMatch(/^urn:oid:/);
    const asked = {
      resourceType: "Parameters",
      parameter: [{ name: "coding", valueCoding: { system, code: "I10" } }],
    };
    const { body } = await post<Parameters>("CodeSystem/$lookup", asked);
    expect(valuesOf(body)).toMatchObject({ display: "Эссенциальная [первичная] гипертензия" });
  });

  it.each([
    ["a right code", { code: "I10" }, true],
    [
      "its own name, ё and case aside",
      { code: "I10", display: "эссенциальная  [первичная] ГИПЕРТЕНЗИЯ" },
      true,
    ],
    ["another name", { code: "I10", display: "Грипп" }, false],
    ["no such code", { code: "I10.X" }, false],
    ["no such system", { url: "urn:oid:1.2.3", code: "I10" }, false],
    ["no such version", { code: "I10", version: "0.0" }, false],
  ])("$validate-code: %s", async (_name, asked, result) => {
    const { status, body } = await get<Parameters>("CodeSystem/$validate-code", { url: icd, ...asked });
    expect([status, valuesOf(body)["result"]]).toEqual([200, result]);
    expect(typeof valuesOf(body)["message"]).toBe(result ? "undefined" : "string");
  });

  it("$validate-code and $subsumes name what is missing or unknown", async () => {
    const nowhere = await get<OperationOutcome>("CodeSystem/$validate-code", { code: "I10" });
    expect([nowhere.status, nowhere.body.issue[0]?.expression]).toEqual([400, ["url"]]);
    const codes = { system: icd, codeA: "I10", codeB: "none" };
    const unknown = await get<OperationOutcome>("CodeSystem/$subsumes", codes);
    expect([unknown.status, unknown.body.issue[0]?.expression]).toEqual([404, ["codeB"]]);
  });

  it("V-43 a code that ICD-10 has is accepted, one that it has not is rejected", async () => {
    const ask = async (code: string) =>
      valuesOf((await get<Parameters>("CodeSystem/$validate-code", { url: icd, code })).body)["result"];
    expect([await ask("J06.9"), await ask("Z99.99X")]).toEqual([true, false]);
  });

  it.each([
    ["I10-I15", "I10", "subsumes"],
    ["I10", "I10-I15", "subsumed-by"],
    ["I10", "I10", "equivalent"],
    ["A00-B99", "I10", "not-subsumed"],
  ])("$subsumes: %s and %s are %s", async (codeA, codeB, outcome) => {
    const { body } = await get<Parameters>("CodeSystem/$subsumes", { system: icd, codeA, codeB });
    expect(valuesOf(body)).toEqual({ outcome });
  });

  it("operations work on an instance, which comes without its concepts", async () => {
    const id = icd.replace("urn:oid:", "");
    const { body } = await get<CodeSystem>(`CodeSystem/${id}`);
    expect(body).toMatchObject({ url: icd, content: "complete", meta: { tag: [{ code: "SUBSETTED" }] } });
    expect(body.concept).toBeUndefined();
    const answer = await get<Parameters>(`CodeSystem/${id}/$validate-code`, { code: "I10" });
    expect(valuesOf(answer.body)).toMatchObject({ result: true });
  });

  it("the codes of our own outcomes are told", async () => {
    for (const [system, code] of [
      ["gateway-error", "too-costly"],
      ["validation-issue", "broken-rule"],
    ]) {
      const { status } = await get("CodeSystem/$lookup", {
        system: `${base}/CodeSystem/${system}`,
        code: code ?? "",
      });
      expect(status).toBe(200);
      const { body } = await get<CodeSystem>(`CodeSystem/${system}`);
      expect(
        createValidator()
          .validate(body)
          .filter(({ severity }) => severity === "error"),
      ).toEqual([]);
    }
  });

  it.each([
    ["an unknown system", { system: "urn:oid:1.2.3", code: "1" }, [404, "not-found", "not-found"]],
    ["an unknown version", { system: icd, version: "0", code: "I10" }, [404, "not-found", "not-found"]],
    ["an unknown code", { system: icd, code: "Z" }, [404, "not-found", "not-found"]],
    ["no code", { system: icd }, [400, "bad-request", "invalid"]],
    ["no system", { code: "I10" }, [400, "bad-request", "invalid"]],
    [
      "an unknown parameter",
      { system: icd, code: "I10", colour: "red" },
      [400, "unknown-parameter", "not-supported"],
    ],
    ["NUL", { system: icd, code: "I\u000010" }, [400, "bad-request", "invalid"]],
  ])("$lookup refuses %s", async (_name, asked, expected) => {
    expect(problem(await get<OperationOutcome>("CodeSystem/$lookup", asked))).toEqual(expected);
  });
});

describe("ValueSet", () => {
  it("$expand gives a tree of all codes of a dictionary, with version and age of the copy", async () => {
    const { body } = await get<ValueSet>("ValueSet/$expand", { url: `${icd}?fhir_vs` });
    const top = body.expansion?.contains?.find(({ code }) => code === "I10-I15");
    expect(top?.contains?.map(({ code }) => code)).toContain("I10");
    expect(body.expansion?.parameter?.map(({ name }) => name)).toEqual(["version", "copied"]);
    expect(codesOf(body)).not.toContain("I10");
  });

  it("$expand filters by words in any order and by the beginning of a code, and pages", async () => {
    const url = `${icd}?fhir_vs`;
    const words = await get<ValueSet>("ValueSet/$expand", { url, filter: "гипертензия ЭССЕНЦ", count: "5" });
    expect(codesOf(words.body)).toEqual(["I10"]);
    const all = await get<ValueSet>("ValueSet/$expand", { url, excludeNested: "true" });
    const pages = await Promise.all(
      ["0", "2"].map((offset) => get<ValueSet>("ValueSet/$expand", { url, offset, count: "2" })),
    );
    expect(pages.flatMap(({ body }) => codesOf(body))).toEqual(codesOf(all.body)?.slice(0, 4));
    expect(pages.map(({ body }) => body.expansion?.total)).toEqual(
      [all, all].map(({ body }) => body.expansion?.total),
    );
  });

  it("a part of the tree is a value set too", async () => {
    const url = `${icd}?fhir_vs=isa/I10-I15`;
    const { body } = await get<ValueSet>("ValueSet/$expand", { url, excludeNested: "true" });
    expect(codesOf(body)).toContain("I10");
    expect(codesOf(body)).not.toContain("A00-B99");
    const inside = { url, system: icd, code: "I10" };
    expect(valuesOf((await get<Parameters>("ValueSet/$validate-code", inside)).body)).toMatchObject({
      result: true,
    });
    const outside = { ...inside, code: "A00-B99" };
    expect(valuesOf((await get<Parameters>("ValueSet/$validate-code", outside)).body)).toMatchObject({
      result: false,
    });
  });

  it("R4's required sets and the guide's own are there", async () => {
    expect(codesOf((await get<ValueSet>("ValueSet/$expand", { url: gender })).body)).toEqual([
      "male",
      "female",
      "other",
      "unknown",
    ]);
    const kinds = await get<ValueSet>("ValueSet/$expand", {
      url: `${base}/ValueSet/consent-kind`,
      filter: "карт",
    });
    expect(codesOf(kinds.body)).toEqual(["access"]);
    const russian = await get<Parameters>("ValueSet/$validate-code", { url: gender, code: "мужской" });
    expect(valuesOf(russian.body)).toMatchObject({ result: false });
    expect((await get<ValueSet>("ValueSet/consent-kind/$expand")).body.expansion?.total).toBe(4);
  });

  it.each([
    ["an unknown set", { url: "urn:none" }, [404, "not-found", "not-found"]],
    ["an unknown root", { url: `${icd}?fhir_vs=isa/none` }, [404, "not-found", "not-found"]],
    ["no url", {}, [400, "bad-request", "invalid"]],
    [
      "a filter of 10,000 characters",
      { url: gender, filter: "а".repeat(10_000) },
      [400, "bad-request", "invalid"],
    ],
    ["a page that is too long", { url: gender, count: "1000000" }, [400, "bad-request", "invalid"]],
    ["a count that is none", { url: gender, count: "-1" }, [400, "bad-request", "invalid"]],
    ["a date that is none", { url: gender, date: "вчера" }, [400, "bad-request", "invalid"]],
  ])("$expand refuses %s", async (_name, asked, expected) => {
    const body = {
      resourceType: "Parameters",
      parameter: Object.entries(asked).map(([name, valueString]) => ({ name, valueString })),
    };
    expect(problem(await post<OperationOutcome>("ValueSet/$expand", body))).toEqual(expected);
  });
});

describe("$validate", () => {
  const patient = { resourceType: "Patient", gender: "мужской" };
  const parameters = (...parameter: object[]) => ({ resourceType: "Parameters", parameter });
  const issues = ({ body }: { body: OperationOutcome }) =>
    body.issue.filter(({ severity }) => severity === "error").map(({ expression }) => expression?.[0]);

  it("tells in an OperationOutcome with 200 what would be refused, from a body and from Parameters", async () => {
    const plain = await post<OperationOutcome>("Patient/$validate", patient);
    expect([plain.status, issues(plain)]).toEqual([200, ["Patient.gender"]]);
    const wrapped = parameters(
      { name: "resource", resource: { ...patient, colour: 1 } },
      { name: "mode", valueCode: "create" },
    );
    expect(issues(await post("Patient/$validate", wrapped))).toEqual(["Patient.gender", "Patient.colour"]);
    const fine = await post<OperationOutcome>("Patient/$validate", {
      resourceType: "Patient",
      gender: "male",
      text: narrative,
    });
    expect(fine.body.issue).toMatchObject([{ severity: "information" }]);
  });

  it("checks by a profile, which is one of those under StructureDefinition", async () => {
    const url = `${base}/StructureDefinition/gateway-patient`;
    const found = await get<Bundle>("StructureDefinition", { url });
    expect(found.body.entry).toHaveLength(1);
    const asked = (profile: string) =>
      post<OperationOutcome>(
        "Patient/$validate",
        parameters(
          { name: "resource", resource: { resourceType: "Patient", gender: "male" } },
          { name: "profile", valueUri: profile },
        ),
      );
    expect(issues(await asked(url))).toEqual(["Patient.name", "Patient.birthDate"]);
    expect(issues(await asked(`${url}-none`))).toEqual(["Patient"]);
  });

  it.each([
    [
      "another type",
      "Patient/$validate",
      { resourceType: "Observation" },
      ["Patient", "Observation.status", "Observation.code"],
    ],
    [
      "an update without id",
      "Patient/$validate",
      parameters(
        { name: "resource", resource: { resourceType: "Patient" } },
        { name: "mode", valueCode: "update" },
      ),
      ["Patient.id"],
    ],
    ["another id", "Patient/a/$validate", { resourceType: "Patient", id: "b" }, ["Patient.id"]],
    [
      "null",
      "Patient/$validate",
      parameters({ name: "resource", resource: { resourceType: "Patient", name: [null] } }),
      ["Patient.name[0]"],
    ],
  ])("finds %s", async (_name, path, body, expected) => {
    expect(issues(await post<OperationOutcome>(path, body))).toEqual(expected);
  });

  it.each([
    ["no resource", parameters({ name: "mode", valueCode: "create" })],
    [
      "an unknown mode",
      parameters({ name: "resource", resource: patient }, { name: "mode", valueCode: "try" }),
    ],
    ["a parameter that is none", parameters(null as never)],
  ])("a call with %s is refused with an outcome", async (_name, body) => {
    expect(problem(await post<OperationOutcome>("Patient/$validate", body))).toEqual([
      400,
      "bad-request",
      "invalid",
    ]);
  });
});

const narrative = { status: "generated", div: '<div xmlns="http://www.w3.org/1999/xhtml">Иванов</div>' };
