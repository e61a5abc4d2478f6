import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Bundle } from "@medplum/fhirtypes";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMapping } from "../../fml/loader.ts";
import type { Mapping } from "../../fml/module.ts";
import type { XmlModel } from "../../xml/model.ts";
import { toObject } from "../../xml/object.ts";
import { readXml } from "../../xml/read.ts";
import { employeesIn } from "./answer.ts";
import { Employee, xmlModelOf } from "./wire.ts";

const folder = new URL("../../../mappings/frmr/person/", import.meta.url);
const cases = readdirSync(new URL("fixtures/", folder));
const asked = { asOf: "2026-11-21T09:00:00.000Z", today: "2026-11-21" };

const model = xmlModelOf(Employee);
let toFhir: Mapping;
let fromFhir: Mapping;
beforeAll(async () => {
  toFhir = await loadMapping(new URL("to-fhir.fml", folder));
  fromFhir = await loadMapping(new URL("from-fhir.fml", folder));
}, 30_000);

const fileOf = (name: string, file: string) => new URL(`fixtures/${name}/${file}`, folder);

function employeeOf(name: string): unknown {
  const root = readXml(readFileSync(fileOf(name, "input.xml")));
  return employeesIn(root)[0];
}

/** Removes the elements of a path, in every item of a list. */
function drop(node: unknown, [name = "", ...rest]: string[]): void {
  if (Array.isArray(node)) for (const item of node) drop(item, [name, ...rest]);
  else if (node && rest.length > 0) drop((node as Record<string, unknown>)[name], rest);
  else if (node) delete (node as Record<string, unknown>)[name];
}

describe("frmr/person to FHIR", () => {
  it.each(cases)("golden case %s", (name) => {
    const bundle = toFhir.convert({ ...asked, Employee: employeeOf(name) });
    if (process.env["GOLDEN"])
      writeFileSync(fileOf(name, "expected.json"), `${JSON.stringify(bundle, null, 2)}\n`);
    expect(bundle).toEqual(JSON.parse(readFileSync(fileOf(name, "expected.json"), "utf8")));
  });

  const mapped = (name: string, change: object = {}) => {
    const employee = Object.assign(employeeOf(name) as object, change);
    const bundle = toFhir.convert({ ...asked, Employee: employee }) as Bundle;
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
    // in the order of the registry's lists, so that none takes another's code
    expect(kinds?.map((kind) => kind?.code)).toEqual([
      "diploma",
      "retraining",
      "improvement",
      "certificate",
      "accreditation",
      "category",
    ]);
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

  it("a code that no table knows is an error, not a gap", () => {
    const card = { CardRecord: [{ Post: { ID: "109" }, PositionType: { ID: "99" } }] };
    expect(() => mapped("one-job", { CardRecordList: card })).toThrow(
      expect.objectContaining({ code: "unmapped-code" }),
    );
  });

  it("the verification is dated by the answer", () => {
    expect(mapped("nurse").verification).toMatchObject({ status: "validated", statusDate: asked.asOf });
  });
});

describe("FHIR to frmr/person", () => {
  it.each(cases)("golden case %s comes back", (name) => {
    const { Employee } = fromFhir.convert(toFhir.convert({ ...asked, Employee: employeeOf(name) })) as {
      Employee: unknown;
    };
    const back = toObject(readXml(readFileSync(fileOf(name, "back.xml"))), model);
    expect(structuredClone(Employee)).toEqual(structuredClone(back));
  });
});

const text = (file: string) => readFileSync(new URL(file, folder), "utf8");
const pairs = (table: string) =>
  text(`maps/${table}.csv`)
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").slice(0, 4));

describe("files of mappings/frmr/person", () => {
  const { types } = JSON.parse(text("model.json")) as {
    types: Record<string, Record<string, { type: string; max?: string }>>;
  };

  /** Dotted paths of the elements that hold text. */
  function leaves(type: string, path: string[] = []): string[] {
    return Object.entries(types[type] ?? {}).flatMap(([name, element]) =>
      types[element.type] ? leaves(element.type, [...path, name]) : [[...path, name].join(".")],
    );
  }

  it("the model describes what the shape check does", () => {
    const shape = (part: XmlModel): object =>
      Object.fromEntries(
        [...part.elements].map(([name, { array, content }]) => [name, [array, content && shape(content)]]),
      );
    const ofModel = (type: string): object =>
      Object.fromEntries(
        Object.entries(types[type] ?? {}).map(([name, element]) => [
          name,
          [element.max === "*", types[element.type] && ofModel(element.type)],
        ]),
      );
    expect(ofModel("Employee")).toEqual(shape(model));
  });

  it("every element is mapped, or named as unmapped with a reason", () => {
    const mapping = JSON.parse(text("mapping.json")) as { unmapped: { element: string; reason: string }[] };
    const unmapped = mapping.unmapped.map(({ element }) => element);
    expect(mapping.unmapped.filter(({ reason }) => !reason)).toEqual([]);
    const isUnmapped = (path: string) =>
      unmapped.some((element) => path === element || path.startsWith(`${element}.`));
    const maps = { to: text("to-fhir.fml"), back: text("from-fhir.fml") };
    const forgotten = leaves("Employee").filter((path) => {
      const name = path.slice(path.lastIndexOf(".") + 1);
      const isMapped = Object.values(maps).every((map) => new RegExp(`\\.${name}\\b`).test(map));
      return !isMapped && !isUnmapped(path);
    });
    expect(forgotten).toEqual([]);
    const known = leaves("Employee");
    const dead = unmapped.filter((element) => !known.some((path) => `${path}.`.startsWith(`${element}.`)));
    expect(dead).toEqual(["TimeFactList", "VocationList"]);
  });

  it.each(cases)("%s/back.xml is its input.xml without the unmapped elements", (name) => {
    const { unmapped } = JSON.parse(text("mapping.json")) as { unmapped: { element: string }[] };
    const kept = structuredClone(employeeOf(name));
    for (const { element } of unmapped) drop(kept, element.split("."));
    const back = toObject(readXml(readFileSync(fileOf(name, "back.xml"))), model);
    expect(structuredClone(back)).toEqual(kept);
  });

  it("each table of the way back is the inverse of the way there", () => {
    for (const table of readdirSync(new URL("maps/", folder)).filter((name) => name.endsWith("-back.csv"))) {
      const there = pairs(table.replace("-back.csv", "")).map(([a, b, c, d]) => [c, d, a, b]);
      expect(pairs(table.replace(".csv", ""))).toEqual(there);
    }
  });

  it("the posts that have a specialty are those of the table", () => {
    const listed = /'\|([\d|]+)\|'\.contains/.exec(text("to-fhir.fml"))?.[1]?.split("|");
    expect(pairs("post-specialty").map(([, post]) => post)).toEqual(listed);
  });
});
