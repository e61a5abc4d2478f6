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
    const snils = snilsOf(resource);
    return snils && identities.idOf(personKind, snils);
  };

// it is asked before the validator has seen the resource
function snilsOf({ identifier }: { identifier?: unknown }): string | undefined {
  const identifiers = [identifier].flat() as (Identifier | null | undefined)[];
  const stated: unknown = identifiers.find((one) => identifierKindOf(one?.system ?? "") === "snils")?.value;
  const snils = typeof stated === "string" ? snilsDigits(stated) : undefined;
  return snils && isSnils(snils) ? snils : undefined;
}
