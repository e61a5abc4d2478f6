import type { SignatureLevel } from "../core/context.ts";
import { type AccessAction, type AccessedResource, rightOf, signatureLevels } from "./access-facts.ts";
import { classOfResource } from "./data-classes.ts";

// medical acts that need the doctor's identity (E-03); every other record of a patient is an official one (E-04)
const medicalActs = new Set(["Condition", "Encounter", "Observation", "Procedure"]);

/** What a region asks for where it asks for more, by FHIR type (E-29). */
export type RegionalLevels = Readonly<Record<string, SignatureLevel>>;

/** The least signature by the federal rules and, for what is entered, by those of the region. */
export function neededSignature(
  action: AccessAction,
  resource: AccessedResource,
  regional: RegionalLevels = {},
): SignatureLevel | undefined {
  const federal = requiredSignature(action, resource);
  const more =
    rightOf(action) === "enter" && Object.hasOwn(regional, resource.type)
      ? regional[resource.type]
      : undefined;
  return more && (federal === undefined || suffices(more, federal)) ? more : federal;
}

/**
 * The least signature that a worker's action needs (E-02..E-05); undefined: none. Opening a patient's card is
 * itself signed with a qualified one (E-04, E-11).
 */
export function requiredSignature(
  action: AccessAction,
  resource: AccessedResource,
): SignatureLevel | undefined {
  const enters = rightOf(action) === "enter";
  const { type } = resource;
  switch (classOfResource(resource)) {
    case "patient":
      return enters && medicalActs.has(type) ? "enhanced" : "qualified";
    // who permitted what is a notice of service (E-02), not the card
    case "consent":
      return enters ? "qualified" : "simple";
    // the registry office sees no clinical data
    case "registration":
      return enters ? "enhanced" : "qualified";
    case "work":
      if (enters) return "simple";
      return type === "MeasureReport" ? "enhanced" : undefined;
    default:
      return undefined;
  }
}

/** True when a signature of the given level does for the needed one. */
export const suffices = (given: SignatureLevel | undefined, needed: SignatureLevel): boolean =>
  given !== undefined && signatureLevels.indexOf(given) >= signatureLevels.indexOf(needed);
