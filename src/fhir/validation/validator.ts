import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import { isObject, nodeOf } from "../../fml/fhirpath-node.ts";
import type { Guide } from "../guide.ts";
import { type BoundCode, Findings } from "./issues.ts";
import { Profiles } from "./profiles.ts";
import { type Rules, readRules } from "./rules.ts";
import { Shapes } from "./shapes.ts";
import { claimedBy, Walk } from "./walk.ts";

export interface ValidateOptions {
  /** canonicals of profiles that are checked beside those in `meta.profile` */
  profiles?: readonly string[];
}

/** Checks resources against R4 and our profiles. */
export interface Validator {
  /** What is wrong with a resource; nothing is when no issue is an error. Never throws for what a resource holds. */
  validate(resource: unknown, options?: ValidateOptions): OperationOutcomeIssue[];
  /** The same, with the codes that dictionaries of НСИ must have: to be looked up by `dictionaryIssues`. */
  examine(resource: unknown, options?: ValidateOptions): Examined;
}

export interface Examined {
  readonly issues: OperationOutcomeIssue[];
  readonly bound: readonly BoundCode[];
}

/** Opens a validator: structure, values, cardinality, constraints, required codes, references, the guide's profiles. */
export function createValidator(guide?: Guide, rules: Rules = readRules()): Validator {
  const shapes = new Shapes(rules);
  const profiles = new Profiles(guide);
  const examine: Validator["examine"] = (resource, { profiles: asked = [] } = {}) => {
    const findings = new Findings();
    const walk = new Walk(shapes, profiles, findings);
    const type = isObject(resource) ? resource["resourceType"] : undefined;
    const path = typeof type === "string" && shapes.isResource(type) ? type : "Resource";
    walk.resource(resource, path);
    if (isObject(resource)) {
      const node = nodeOf(undefined, resource);
      const claimed = claimedBy(resource);
      for (const profile of asked.filter((each) => !claimed.includes(each)))
        walk.profile(profile, resource, path, { resource: node, root: node });
    }
    return findings;
  };
  return { examine, validate: (resource, options) => examine(resource, options).issues };
}

/** Whether issues forbid to take the resource. */
export const hasErrors = (issues: readonly OperationOutcomeIssue[]): boolean =>
  issues.some(({ severity }) => severity === "error" || severity === "fatal");
