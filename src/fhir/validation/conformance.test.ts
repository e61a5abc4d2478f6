import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Resource } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { describeWithData } from "../../../test/support/test-data.ts";
import { isResourceType } from "../elements.ts";
import { resourceOfXml } from "../xml-codec.ts";
import { createValidator } from "./validator.ts";

const report = readFileSync(new URL("../../../docs/conformance.md", import.meta.url), "utf8");
const section = report.slice(report.indexOf("## Validation"));
const listed = [...section.matchAll(/^\| (\S+\.(?:json|xml)) \|/gm)].map(([, name = ""]) => name);

describeWithData("R4 examples", (data) => {
  const folder = join(data, "fhir-test-cases", "r4", "examples");
  const read = (name: string): Resource[] => {
    const text = readFileSync(join(folder, name), "utf8");
    if (name.endsWith(".json")) return [JSON.parse(text) as Resource];
    const isServed = isResourceType(/<(\w+) xmlns="http:\/\/hl7.org\/fhir"/.exec(text)?.[1] ?? "");
    return isServed ? [resourceOfXml(text)] : [];
  };

  it("are refused only where docs/conformance.md says why, and there always", () => {
    const validator = createValidator();
    const examples = readdirSync(folder)
      .sort()
      .filter((name) => /\.(?:json|xml)$/.test(name))
      .flatMap((name) => read(name).map((resource) => ({ name, resource })))
      .filter(({ resource }) => resource.resourceType !== undefined);
    const refused = examples.filter(({ resource }) =>
      validator.validate(resource).some(({ severity }) => severity === "error"),
    );
    expect(refused.map(({ name }) => name)).toEqual(listed);
    expect(section).toContain(`${examples.length - refused.length} of ${examples.length}`);
  }, 60_000);
});
