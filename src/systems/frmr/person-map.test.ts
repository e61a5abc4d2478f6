import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMap } from "../../fml/medplum-engine.ts";
import { readXml } from "../../xml/read.ts";
import { employeesIn } from "./answer.ts";

const folder = new URL("../../../mappings/frmr/person/", import.meta.url);
const cases = readdirSync(new URL("fixtures/", folder));
const asked = { asOf: "2026-11-21T09:00:00.000Z", today: "2026-11-21" };

let toFhir: (source: unknown) => unknown;
beforeAll(async () => {
  toFhir = await loadMap(new URL("to-fhir.fml", folder));
}, 30_000);

const fileOf = (name: string, file: string) => new URL(`fixtures/${name}/${file}`, folder);

function employeeOf(name: string): unknown {
  const root = readXml(readFileSync(fileOf(name, "input.xml")));
  return employeesIn(root)[0];
}

describe("frmr/person to FHIR", () => {
  it.each(cases)("golden case %s", (name) => {
    const bundle = toFhir({ ...asked, Employee: employeeOf(name) });
    if (process.env["GOLDEN"])
      writeFileSync(fileOf(name, "expected.json"), `${JSON.stringify(bundle, null, 2)}\n`);
    expect(bundle).toEqual(JSON.parse(readFileSync(fileOf(name, "expected.json"), "utf8")));
  });
});
