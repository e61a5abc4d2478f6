import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Parameters, Resource } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { describeWithData } from "../../../test/support/test-data.ts";
import { readXml } from "../../xml/read.ts";
import { attributeOf, elementOf, elementsOf, type XmlElement } from "../../xml/tree.ts";
import { writeXml } from "../../xml/write.ts";
import { readRules } from "../validation/rules.ts";
import { resourceOfXml } from "../xml-codec.ts";
import { fhirPathPatched } from "./fhirpath-patch.ts";
import { jsonPatched } from "./json-patch.ts";

const report = readFileSync(new URL("../../../docs/conformance.md", import.meta.url), "utf8");
const section = report.slice(report.indexOf("## Patch"));
const { types } = readRules();

/** The resource inside an element of the suite. */
function resourceIn(parent: XmlElement | undefined): Resource | undefined {
  const child = parent?.children.find((one): one is XmlElement => typeof one !== "string");
  return child && resourceOfXml(writeXml(child));
}

describeWithData("patch suites of R4", (data) => {
  const folder = join(data, "fhir-test-cases", "r4", "patch");

  it("every FHIRPath Patch gives its result or its error", () => {
    const cases = elementsOf(readXml(readFileSync(join(folder, "fhir-patch-tests.xml"))), "case");
    const failing = cases.filter((one) => !passes(one)).map((one) => attributeOf(one, "name"));
    expect(failing).toEqual([]);
    expect(section).toContain(`${cases.length} of ${cases.length} FHIRPath Patch`);
  });

  function passes(one: XmlElement): boolean {
    const patched = () => {
      const { parameter = [] } = resourceIn(elementOf(one, "diff")) as Parameters;
      return fhirPathPatched(resourceIn(elementOf(one, "input")) as Resource, parameter, types);
    };
    const expected = resourceIn(elementOf(one, "output"));
    try {
      expect(patched()).toEqual(expected);
      return true;
    } catch {
      return expected === undefined;
    }
  }

  it("every JSON Patch gives its result or its error", () => {
    const cases = JSON.parse(readFileSync(join(folder, "json-patch-tests.json"), "utf8")) as JsonCase[];
    for (const { doc, patch, expected, error, comment } of cases)
      if (error === undefined) expect(jsonPatched(doc, patch), comment).toEqual(expected);
      else expect(() => jsonPatched(doc, patch), comment).toThrow();
    expect(section).toContain(`${cases.length} of ${cases.length} JSON Patch`);
  });

  it("XML Patch is not offered: its cases are not run", () => {
    const cases = elementsOf(readXml(readFileSync(join(folder, "xml-patch-tests.xml"))), "case");
    expect(section).toContain(`${cases.length} not run`);
  });
});

interface JsonCase {
  comment: string;
  doc: object;
  patch: unknown;
  expected?: unknown;
  error?: string;
}
