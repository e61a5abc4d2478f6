import type { CodeSystem } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { canonicalParameters } from "./static-provider.ts";

const codeSystem: CodeSystem = {
  resourceType: "CodeSystem",
  url: "urn:oid:1.2.3",
  version: "2.24",
  status: "active",
  content: "complete",
  title: "Учёт болезней (10-й пересмотр)",
};
const keeps = new Map(
  canonicalParameters<CodeSystem>("url", "version", "status", "title").map((one) => [one.name, one.keeps]),
);

it.each([
  ["url", "urn:oid:1.2.3", true],
  ["url", "urn:oid:1.2", false],
  ["version", "2.24", true],
  ["version", "|2.24", true],
  ["version", "urn:x|2.24", false],
  ["status", "active", true],
  ["status", "http://hl7.org/fhir/publication-status|active", true],
  ["status", "urn:other|active", false],
  ["status", "|active", false],
  ["title", "учет бол", true],
  ["title", "ПЕРЕСМОТР", true],
  ["title", "болезней учёт", true],
  ["title", "олезней", false],
])("%s=%s of a canonical resource: %s", (name, value, expected) => {
  expect(keeps.get(name)?.(codeSystem, value)).toBe(expected);
});
