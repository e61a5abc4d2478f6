import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isResourceType } from "../../src/fhir/elements.ts";
import { jsonOfXml, xmlOfJson } from "../../src/fhir/xml-codec.ts";
import { readXml } from "../../src/xml/read.ts";
import { describeWithData } from "../support/test-data.ts";

const report = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");

describeWithData("FHIR R4 examples as XML and JSON", (root) => {
  const folder = join(root, "fhir-test-cases/r4/examples");
  const textOf = (file: string) => readFileSync(join(folder, file), "utf8");
  const exampleFiles = (ending: string) =>
    readdirSync(folder).filter((file) => file.endsWith(ending) && isResourceType(typeOf(textOf(file))));

  it("each example of a type that we know comes back from XML equal, decimals by their text", () => {
    const files = exampleFiles(".json");
    expect(report).toContain(`${files.length} of ${files.length} JSON examples`);
    for (const file of files) {
      const json = textOf(file);
      expect(comparable(jsonOfXml(xmlOfJson(json))), file).toEqual(comparable(json));
    }
  });

  it("each example in XML comes back from JSON equal, and is what its JSON says", () => {
    const files = exampleFiles(".xml");
    expect(report).toContain(`${files.length} of ${files.length} XML examples`);
    for (const file of files) {
      const json = jsonOfXml(textOf(file));
      expect(jsonOfXml(xmlOfJson(json)), file).toBe(json);
      const twin = file.replace(/\.xml$/, ".json");
      // the published JSON of this one lacks the extension of its XML
      if (!existsSync(join(folder, twin)) || file === "observation-example.xml") continue;
      expect(parsed(json), file).toEqual(parsed(textOf(twin)));
    }
  });
});

/** The resource with its narratives as trees: the same XHTML can be written in many ways. */
function parsed(json: string): unknown {
  return JSON.parse(json, (key, value) => (key === "div" ? readXml(value as string) : value));
}

function typeOf(text: string): string {
  return text.startsWith("{")
    ? (JSON.parse(text) as { resourceType: string }).resourceType
    : readXml(text).name;
}

/** `parsed` with its numbers as they are written. */
function comparable(json: string): unknown {
  return parsed(
    json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
      token.startsWith('"') ? token : `"${token}"`,
    ),
  );
}
