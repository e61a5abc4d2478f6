import { readdirSync, readFileSync } from "node:fs";
import type { CodeSystem, Resource, StructureDefinition, ValueSet } from "@medplum/fhirtypes";

/** Our implementation guide: profiles and extensions, code systems and value sets, naming systems. */
export interface Guide {
  readonly structures: readonly StructureDefinition[];
  readonly codeSystems: readonly CodeSystem[];
  readonly valueSets: readonly ValueSet[];
}

/** Reads the guide's folder `fhir/`: `profiles`, `extensions` and `terminology`, a resource a file. */
export function readGuide(folder: URL): Guide {
  const resources = ["profiles", "extensions", "terminology"].flatMap((part) =>
    readResources(new URL(`${part}/`, folder)),
  );
  const of = <T extends Resource>(type: T["resourceType"]) =>
    resources.filter((each): each is T => each.resourceType === type);
  return {
    structures: of<StructureDefinition>("StructureDefinition"),
    codeSystems: of<CodeSystem>("CodeSystem"),
    valueSets: of<ValueSet>("ValueSet"),
  };
}

/** The resources of a folder's JSON files, by file name. */
export function readResources(folder: URL): Resource[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Resource);
}
