import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { checkMessage } from "../scripts/mapping-check.ts";
import { messages } from "../scripts/mapping-folder.ts";
import { MappingError } from "../src/fml/errors.ts";
import { loadMapping } from "../src/fml/loader.ts";
import type { LogicalModel } from "../src/fml/logical-model.ts";
import { xmlModelOf } from "../src/fml/xml-source.ts";
import { XmlError } from "../src/xml/error.ts";
import { readObject } from "../src/xml/object.ts";
import { r4Errors } from "./support/r4.ts";

const named = messages().map((message) => [message.name, message] as const);

describe("every map", () => {
  it.each(named)(
    "%s compiles, converts its fixtures, agrees with the interpreter and leaves nothing out unlisted",
    async (_name, message) => {
      expect(await checkMessage(message)).toEqual([]);
    },
  );

  it.each(named.filter(([, { directions }]) => directions.includes("to-fhir")))(
    "%s makes valid R4 of each fixture",
    (_name, { folder, cases }) => {
      const wrong = cases.flatMap((name) => {
        const expected = new URL(`fixtures/${name}/expected.json`, folder);
        const resource = JSON.parse(readFileSync(expected, "utf8")) as Resource;
        return r4Errors(resource).map((error) => `${name}: ${error}`);
      });
      expect(wrong).toEqual([]);
    },
  );

  it("a resource that is not valid R4 would be told of, also within a Bundle", () => {
    const entry = [{ resource: { resourceType: "Person", birthDate: "31.02.1990", gender: ["male"] } }];
    const wrong = r4Errors({ resourceType: "Bundle", type: "collection", entry } as unknown as Resource);
    expect(wrong).toEqual([
      expect.stringContaining("Bundle.entry.resource.gender"),
      expect.stringContaining("Bundle.entry[0].resource.birthDate"),
    ]);
  });

  it("runs in a process that refuses to make code from strings", () => {
    const loader = new URL("../src/fml/loader.ts", import.meta.url).href;
    const map = new URL("../mappings/frmo/organization/to-fhir.fml", import.meta.url).href;
    const script = `
      const { loadMapping } = await import(${JSON.stringify(loader)});
      const mapping = await loadMapping(new URL(${JSON.stringify(map)}));
      console.log(mapping.convert({ oid: "1.2.643", nameFull: "x" }).type);`;
    const flags = ["--disallow-code-generation-from-strings", "--import", "tsx", "--input-type=module"];
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", script], { encoding: "utf8" });
    expect(`${stdout}${stderr}`.trim()).toBe("collection");
  });
});

describe("a damaged document", () => {
  const folder = new URL("../mappings/frmr/person/", import.meta.url);
  const bytes = readFileSync(new URL("fixtures/fact-sheet/input.xml", folder));
  const model = JSON.parse(readFileSync(new URL("model.json", folder), "utf8")) as LogicalModel;
  const content = xmlModelOf(
    { ...model, types: { ...model.types, ArrayOfEmployee: { Employee: { type: "Employee" } } } },
    "ArrayOfEmployee",
  );

  it("is refused with a typed error or converted, whichever byte is cut off or flipped", async () => {
    const { convert } = await loadMapping(new URL("to-fhir.fml", folder));
    const outcomes = new Set<string>();
    const attempt = (damaged: Uint8Array) => {
      try {
        const { value } = readObject(damaged, { model: content });
        const { Employee } = value as { Employee?: unknown };
        convert({ asOf: "2026-11-21T09:00:00.000Z", today: "2026-11-21", Employee });
        outcomes.add("converted");
      } catch (error) {
        outcomes.add(error instanceof XmlError || error instanceof MappingError ? error.name : String(error));
      }
    };
    for (let at = 0; at < bytes.length; at += 1) {
      attempt(bytes.subarray(0, at));
      const flipped = Uint8Array.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      attempt(flipped);
    }
    expect([...outcomes].sort()).toEqual(["MappingError", "XmlError", "converted"]);
  });
});
