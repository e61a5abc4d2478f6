import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Bundle } from "@medplum/fhirtypes";
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

  const mapped = (name: string, change: object = {}) => {
    const employee = Object.assign(employeeOf(name) as object, change);
    const bundle = toFhir({ ...asked, Employee: employee }) as Bundle;
    const resources = (bundle.entry ?? []).flatMap(({ resource }) => resource ?? []);
    return {
      practitioner: resources.find((resource) => resource.resourceType === "Practitioner"),
      roles: resources.filter((resource) => resource.resourceType === "PractitionerRole"),
      verification: resources.find((resource) => resource.resourceType === "VerificationResult"),
    };
  };

  it("R-07 certificates, diplomas and advanced trainings each carry the code of their kind", () => {
    const kinds = mapped("retrained").practitioner?.qualification?.map(({ code }) => code?.coding?.[0]);
    expect(new Set(kinds?.map((kind) => kind?.system))).toEqual(
      new Set(["https://cabinet-gateway.example/fhir/CodeSystem/qualification-kind"]),
    );
    expect(kinds?.map((kind) => kind?.code)).toEqual(
      expect.arrayContaining(["certificate", "diploma", "improvement", "retraining"]),
    );
  });

  const card = (dates: object) => ({ CardRecordList: { CardRecord: [{ Post: { ID: "109" }, ...dates }] } });

  it.each([
    ["2026-11-20", false],
    ["2026-11-21", true],
    ["2027-01-01", true],
    [undefined, true],
  ])("an employment that ends on %s is active: %s", (DateEnd, active) => {
    const { roles } = mapped("one-job", card({ DateBegin: "2020-01-01", ...(DateEnd && { DateEnd }) }));
    expect(roles.map((role) => role.active)).toEqual([active]);
  });

  it("the verification is dated by the answer", () => {
    expect(mapped("nurse").verification).toMatchObject({ status: "validated", statusDate: asked.asOf });
  });
});
