import { readFileSync } from "node:fs";
import type { DocumentReference, OperationOutcome, OperationOutcomeIssue } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { readGuide } from "../../src/fhir/guide.ts";
import { listedCopy } from "../../src/fhir/terminology/listed-copy.ts";
import type { Terminology } from "../../src/fhir/terminology/terminology.ts";
import { judgeOf } from "../../src/fhir/validation/judge.ts";
import { createValidator } from "../../src/fhir/validation/validator.ts";
import { type FhirServer, startFhirServer } from "../support/fhir-server.ts";

const guideFolder = new URL("../../fhir/", import.meta.url);
const kinds = "urn:oid:1.2.643.5.1.13.13.11.1522";
const clock = new ManualClock(Date.UTC(2026, 10, 22));
const dictionary = listedCopy({
  url: kinds,
  title: "Виды медицинской документации",
  concepts: [
    { code: "37", display: "Рецепт", active: true },
    { code: "36", display: "Прежний вид", active: true, ends: "2026-01-01" },
  ],
});
// the dictionary of formats, 1520, is not there
const terminology = {
  codeSystem: async (url: string, version?: string) => {
    if (url === kinds && version === undefined) return dictionary;
    throw new GatewayError("not-found");
  },
} as Partial<Terminology> as Terminology;

let server: FhirServer;
beforeAll(async () => {
  const judge = judgeOf(createValidator(readGuide(guideFolder)), terminology, clock);
  server = await startFhirServer({ validate: (resource) => judge(resource) });
});
afterAll(() => server?.close());

const document = (code: string): DocumentReference => {
  const example = JSON.parse(readFileSync(new URL("examples/medical-document.json", guideFolder), "utf8"));
  return { ...example, id: undefined, type: { coding: [{ system: kinds, version: "7.24", code }] } };
};

const told = ({ issue }: OperationOutcome) =>
  issue.map(({ severity, details, expression }: OperationOutcomeIssue) => [
    severity,
    details?.coding?.[0]?.code,
    ...(expression ?? []),
  ]);

const notLoaded = ["warning", "dictionary-not-loaded", "DocumentReference.content[0].format"];

it("a code that the dictionary of НСИ has not is refused with its place", async () => {
  const { status, body } = await server.call<OperationOutcome>("POST", "/DocumentReference", {
    body: document("999"),
  });
  expect(status).toBe(422);
  expect(told(body)).toContainEqual(["error", "dictionary-code", "DocumentReference.type.coding[0].code"]);
  expect(JSON.stringify(body)).toContain("Такого кода нет в справочнике НСИ");
});

it.each([
  ["37", [notLoaded]],
  ["36", [["warning", "dictionary-code-ended", "DocumentReference.type.coding[0].code"], notLoaded]],
])("code %s is taken; what was not checked or has ended is told", async (code, warnings) => {
  const { status, body } = await server.call<OperationOutcome>("POST", "/DocumentReference", {
    body: document(code),
    headers: { prefer: "return=OperationOutcome" },
  });
  expect(status).toBe(201);
  expect(told(body)).toEqual(expect.arrayContaining(warnings));
});

it("a broken constraint is told in Russian by its own rule", async () => {
  const { body } = await server.call<OperationOutcome>("POST", "/DocumentReference", {
    body: { ...document("37"), context: { period: { start: "2026-02-01", end: "2026-01-01" } } },
  });
  expect(body.issue.map(({ details }) => details?.text)).toContain("Начало периода не позже конца");
  const kindless = { ...document("37"), type: { coding: [{ system: "urn:oid:1.2.3", code: "1" }] } };
  const other = await server.call<OperationOutcome>("POST", "/DocumentReference", { body: kindless });
  expect(other.body.issue.map(({ details }) => details?.text)).toContain(
    "Вид документа указан кодом справочника 1522",
  );
});
