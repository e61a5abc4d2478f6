import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readFhirPathCases, runFhirPathCase } from "../../test/support/fhirpath-cases.ts";
import { importCode, libraryFor } from "../../test/support/fml.ts";
import { describeWithData } from "../../test/support/test-data.ts";
import { readXml } from "../xml/read.ts";
import { attributeOf, elementsOf } from "../xml/tree.ts";
import { compileMap } from "./compiler.ts";
import { interpret } from "./interpreter.ts";
import { linkModule } from "./module.ts";
import { parseMap } from "./parser.ts";

const report = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
/** The tests that docs/conformance.md lists as failing: whole groups end with a star. */
const listed = [...report.matchAll(/^\| `([^`]+)` \|/gm)].flatMap(([, names = ""]) => names.split(", "));

const isListed = (name: string) =>
  listed.some((entry) => (entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : name === entry));

describeWithData("FHIRPath suite of R4", (folder) => {
  it("fails only where docs/conformance.md says so, and there always", () => {
    const cases = readFhirPathCases(join(folder, "fhir-test-cases")).filter(({ hasInput }) => hasInput);
    const failing = cases.filter((test) => runFhirPathCase(test) !== undefined).map(({ name }) => name);
    expect(failing.filter((name) => !isListed(name))).toEqual([]);
    expect(cases.map(({ name }) => name).filter((name) => isListed(name) && !failing.includes(name))).toEqual(
      [],
    );
    expect(report).toContain(`${cases.length - failing.length} of ${cases.length}`);
  });
});

describeWithData("mapping suites of R4B and R5", (data) => {
  const suites = ["r4b", "r5"].map((version) => join(data, "fhir-test-cases", version, "structure-mapping"));

  it.each(suites)("%s: every case with a JSON result gives it, compiled and interpreted", async (folder) => {
    const tests = elementsOf(readXml(readFileSync(join(folder, "manifest.xml"))), "test");
    const files = (test: (typeof tests)[number], name: string) => attributeOf(test, name) ?? "";
    const cases = tests.filter((test) => files(test, "output").endsWith(".json"));
    expect(cases).toHaveLength(6);
    for (const test of cases) {
      const [text = "", source = "", output = ""] = ["map", "source", "output"].map((name) =>
        readFileSync(join(folder, files(test, name)), "utf8"),
      );
      const expected = JSON.parse(output) as unknown;
      const mapping = linkModule(await importCode(compileMap(text, libraryFor()).code));
      expect(mapping.convert(JSON.parse(source))).toEqual(expected);
      expect(interpret(parseMap(text), libraryFor(), JSON.parse(source))).toEqual(expected);
    }
  });

  it.each(suites)("%s: every map of the folder parses", (folder) => {
    for (const name of ["ActivityDefinition", "cast", "syntax", "qr2cda", "qr2cda-eval", "qr2cdaxsi"]) {
      expect(parseMap(readFileSync(join(folder, `${name}.map`), "utf8")).groups.length).toBeGreaterThan(0);
    }
  });
});
