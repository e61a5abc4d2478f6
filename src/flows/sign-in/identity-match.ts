import type { HumanName, Person, Practitioner } from "@medplum/fhirtypes";
import { identifierSystem } from "../../core/canonical.ts";

/** What is compared at each sign-in (V-08 to V-10); names are those of the fields in answers. */
export type IdentityField = "family" | "given" | "birthDate" | "inn";

/**
 * Fields in which the ESIA account and the registry's card differ. A field that one side does not state is not
 * compared, except the surname and the birth date, which both must state.
 */
export function differingFields(person: Person, practitioner: Practitioner): IdentityField[] {
  const [stated, registered] = [officialName(person.name), officialName(practitioner.name)];
  const differences: Record<IdentityField, boolean> = {
    family: folded(stated.family) !== folded(registered.family),
    given: givenOf(stated) !== givenOf(registered),
    birthDate: person.birthDate !== practitioner.birthDate,
    inn: differ(innOf(person), innOf(practitioner)),
  };
  return (Object.keys(differences) as IdentityField[]).filter((field) => differences[field]);
}

const differ = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other;

const officialName = (names: HumanName[] | undefined): HumanName =>
  names?.find(({ use }) => use === "official") ?? names?.[0] ?? {};

const givenOf = ({ given = [] }: HumanName): string => folded(given.join(" "));

// registries disagree in case, ё and spaces, and that is no difference
const folded = (text = ""): string =>
  text.normalize("NFC").toLocaleLowerCase("ru").replaceAll("ё", "е").replace(/\s+/g, " ").trim();

const innOf = ({ identifier }: Person | Practitioner): string | undefined =>
  identifier?.find(({ system }) => system === identifierSystem.inn)?.value;
