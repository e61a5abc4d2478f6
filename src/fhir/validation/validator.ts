import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import { Findings } from "./issues.ts";
import { readRules } from "./rules.ts";
import { Shapes } from "./shapes.ts";
import { Walk } from "./walk.ts";

export interface ValidateOptions {
  /** canonical of a profile that is checked beside those in `meta.profile` */
  profile?: string;
}

/** Checks resources against R4 and our profiles. */
export interface Validator {
  /** What is wrong with a resource, worst first; empty when nothing is. Never throws for what the resource holds. */
  validate(resource: unknown, options?: ValidateOptions): OperationOutcomeIssue[];
}

/** Opens a validator: structure, values, cardinality, constraints, required codes, references, profiles. */
export function createValidator(): Validator {
  const shapes = new Shapes(readRules());
  return {
    validate(resource) {
      const findings = new Findings();
      const type = (resource as { resourceType?: unknown } | null | undefined)?.resourceType;
      new Walk(shapes, findings).resource(
        resource,
        typeof type === "string" && shapes.isResource(type) ? type : "Resource",
      );
      return findings.issues;
    },
  };
}
