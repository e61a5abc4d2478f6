import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conceptMapFromCsv } from "../src/fml/concept-map-csv.ts";
import { MappingError } from "../src/fml/errors.ts";
import type { LogicalModel } from "../src/fml/logical-model.ts";
import { mappingOf } from "./support/fml.ts";
import { projectRoot, readProjectFile } from "./support/project-files.ts";

interface Block {
  /** what stands behind the language: a file's path, or `run` */
  readonly info: string;
  readonly text: string;
}

const page = readProjectFile("docs/mapping.md");
const blocks: readonly Block[] = [...page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, info = "", text = ""]) => ({ info, text }),
);
const fileOf = (name: string) => blocks.find(({ info }) => info.endsWith(name))?.text ?? "";

let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "mapping-docs-"));
  for (const name of ["src", "scripts", "mappings", "package.json", "tsconfig.json"])
    cpSync(join(projectRoot, name), join(project, name), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(project, "node_modules"));
  mkdirSync(join(project, "build"));
  const types = readdirSync(join(projectRoot, "build")).filter((name) => name.startsWith("fhir-r4-types"));
  for (const name of types) cpSync(join(projectRoot, "build", name), join(project, "build", name));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const run = (script: string) => {
  const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], {
    cwd: project,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr, stdout };
};

describe("docs/mapping.md", () => {
  it("takes a newcomer from an XSD to a passing map, block by block", { timeout: 120_000 }, () => {
    expect(blocks.map(({ info }) => info)).toContain("mappings/demo/card/card.xsd");
    const said: string[] = [];
    for (const { info, text } of blocks) {
      if (info === "run") {
        const { status, said: words, stdout } = run(text);
        expect(words).not.toContain("FAIL");
        expect([status, words]).toEqual([0, words]);
        said.push(stdout);
      } else {
        mkdirSync(dirname(join(project, info)), { recursive: true });
        writeFileSync(join(project, info), text);
      }
    }
    expect(said.join("")).toContain("ok   demo/card: 1 fixtures");
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
