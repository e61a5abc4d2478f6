import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conceptMapFromCsv } from "../src/fml/concept-map-csv.ts";
import { MappingError } from "../src/fml/errors.ts";
import type { LogicalModel } from "../src/fml/logical-model.ts";
import { blocksOf, copyOfProject, runDocument } from "./support/document.ts";
import { mappingOf } from "./support/fml.ts";

const blocks = blocksOf("docs/mapping.md");
const fileOf = (name: string) => blocks.find(({ info }) => info.endsWith(name))?.text ?? "";

let project: string;
beforeAll(() => {
  project = copyOfProject();
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const run = (script: string) => {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: project, encoding: "utf8" });
  return { status, said: stdout + stderr };
};

describe("docs/mapping.md", () => {
  it("takes a newcomer from an XSD to a passing map, block by block", { timeout: 120_000 }, async () => {
    expect(blocks.map(({ info }) => info)).toContain("mappings/demo/card/card.xsd");
    const said = (await runDocument(blocks, { folder: project })).join("");
    expect(said).not.toContain("FAIL");
    expect(said).toContain("ok   demo/card: 1 fixtures");
    const made = readFileSync(join(project, "mappings/demo/card/fixtures/one/expected.json"), "utf8");
    expect(JSON.parse(made)).toEqual({
      resourceType: "Practitioner",
      identifier: [{ system: "urn:example:worker", value: "7" }],
      birthDate: "1980-02-29",
      gender: "female",
      qualification: [{ code: { text: "GP (from 2020)" } }],
    });
    // and as it says, what is left out unlisted is named
    const mapping = join(project, "mappings/demo/card/mapping.json");
    writeFileSync(mapping, fileOf("mapping.json").replace(/"unmapped": \[.*\]/, '"unmapped": []'));
    const unlisted = run("npm run --silent mapping -- check demo/card");
    expect(unlisted.status).not.toBe(0);
    expect(unlisted.said).toContain("printedAt is neither mapped nor listed");
  });

  it("a date that is none and a code without a row end the conversion of its example", async () => {
    const model = JSON.parse(
      readFileSync(join(project, "mappings/demo/card/model.json"), "utf8"),
    ) as LogicalModel;
    const mapping = await mappingOf(fileOf("to-fhir.fml"), {
      models: [model],
      conceptMaps: [conceptMapFromCsv("sex", fileOf("sex.csv"))],
    });
    const card = { id: "7", born: "1980-02-29", sex: "2", job: [] };
    expect(() => mapping.convert({ ...card, born: "1980-02-31" })).toThrow(MappingError);
    expect(() => mapping.convert({ ...card, sex: "9" })).toThrow(
      expect.objectContaining({ code: "unmapped-code" }),
    );
  });
});
