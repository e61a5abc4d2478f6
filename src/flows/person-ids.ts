import type { Identifier, Resource } from "@medplum/fhirtypes";
import { identifierKindOf } from "../core/canonical.ts";
import { isSnils, snilsDigits } from "../core/identifiers.ts";
import type { Identities } from "./identities.ts";

/** Names people in the identity map; a citizen who signs in gets the same logical id (docs/decisions/007). */
export const personKind = "patient";

/** The logical id that a Patient has in every organisation, by СНИЛС; undefined without a right one and for other types. */
export const createPersonIdOf =
  (identities: Pick<Identities, "idOf">) =>
  async (resource: Resource): Promise<string | undefined> => {
    if (resource.resourceType !== "Patient") return undefined;
    const snils = snilsOf(resource.identifier ?? []);
    return snils && identities.idOf(personKind, snils);
  };

function snilsOf(identifiers: readonly Identifier[]): string | undefined {
  const stated = identifiers.find(({ system = "" }) => identifierKindOf(system) === "snils")?.value;
  const snils = snilsDigits(stated ?? "");
  return snils && isSnils(snils) ? snils : undefined;
}
