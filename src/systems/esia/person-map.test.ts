import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMapping } from "../../fml/loader.ts";
import type { Mapping } from "../../fml/module.ts";

const folder = new URL("../../../mappings/esia/person/", import.meta.url);
const cases = readdirSync(new URL("fixtures/", folder));
const fileOf = (name: string, file: string) => new URL(`fixtures/${name}/${file}`, folder);
const json = (url: URL) => JSON.parse(readFileSync(url, "utf8"));

let map: Mapping;
beforeAll(async () => {
  map = await loadMapping(new URL("to-fhir.fml", folder));
}, 30_000);

describe("esia/person to FHIR", () => {
  it.each(cases)("golden case %s", (name) => {
    const person = map.convert(json(fileOf(name, "input.json")));
    if (process.env["GOLDEN"])
      writeFileSync(fileOf(name, "expected.json"), `${JSON.stringify(person, null, 2)}\n`);
    expect(person).toEqual(json(fileOf(name, "expected.json")));
  });

  it("refuses a birth date that no calendar has", () => {
    const profile = { ...json(fileOf("no-middle-name", "input.json")), birthDate: "31.02.1990" };
    expect(() => map.convert(profile)).toThrow(expect.objectContaining({ name: "MappingError" }));
  });

  it("every element is mapped, or named as unmapped with a reason", () => {
    const { types } = json(new URL("model.json", folder));
    const text = readFileSync(new URL("to-fhir.fml", folder), "utf8");
    const unmapped: { element: string; reason: string }[] = json(new URL("mapping.json", folder)).unmapped;
    const elements = [
      ...Object.keys(types.EsiaProfile).filter((name) => name !== "contacts"),
      ...Object.keys(types.Contact).map((name) => `contacts.${name}`),
    ];
    const forgotten = elements.filter((element) => {
      const name = element.slice(element.lastIndexOf(".") + 1);
      return (
        !unmapped.some((row) => row.element === element && row.reason) &&
        !new RegExp(`\\b${name}\\b`).test(text)
      );
    });
    expect(forgotten).toEqual([]);
    expect(unmapped.filter(({ element }) => !elements.includes(element))).toEqual([]);
  });
});
