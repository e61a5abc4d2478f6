import type { CodeableConcept, Practitioner, PractitionerRole } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import type { DictionaryNames } from "./dictionary-names.ts";
import type { Answered } from "./identities.ts";
import { type OrganizationDirectory, oidOf } from "./organization-directory.ts";
import { mergedSources, orUnavailable } from "./partial.ts";
import type { WorkerCard } from "./practitioner-directory.ts";

const posts = "1.2.643.5.1.13.13.11.1002";
const specialties = "1.2.643.5.1.13.13.11.1066";

type NameOf = (system: string | undefined, code: string | undefined) => string | undefined;

export interface NamingSources {
  organizations: OrganizationDirectory;
  dictionaries: DictionaryNames;
}

/**
 * The card with names of organisations from ФРМО and of posts and specialties from НСИ. What one of them can't tell
 * keeps the name that ФРМР gave; the answer says in `sources` who did not answer.
 */
export async function namedCard(
  { value: card, sources }: Answered<WorkerCard>,
  { organizations, dictionaries }: NamingSources,
  ctx: RequestContext,
): Promise<Answered<WorkerCard>> {
  const oids = [...new Set(card.roles.map(organizationOidOf).filter((oid) => oid !== undefined))];
  const [named, postNames, specialtyNames] = await Promise.all([
    Promise.all(
      oids.map(async (oid) => ({
        oid,
        ...(await orUnavailable("frmo", organizations.organizationByOid(oid, ctx))),
      })),
    ),
    dictionaries.of(posts, ctx),
    dictionaries.of(specialties, ctx),
  ]);
  const organizationNames = new Map(named.map(({ oid, value }) => [oid, value?.name]));
  const nameOf: NameOf = (system, code = "") => {
    if (system === `urn:oid:${posts}`) return postNames.value.get(code);
    return system === `urn:oid:${specialties}` ? specialtyNames.value.get(code) : undefined;
  };
  const answers = [{ sources }, ...named, postNames, specialtyNames];
  return {
    value: {
      ...card,
      practitioner: namedPractitioner(card.practitioner, nameOf),
      roles: card.roles.map((role) => namedRole(role, organizationNames, nameOf)),
    },
    sources: mergedSources(answers.flatMap((answer) => [...answer.sources])),
  };
}

/** ФРМО OID of a role's organisation, without `urn:oid:`. */
function organizationOidOf({ organization }: PractitionerRole): string | undefined {
  return organization?.identifier && oidOf([organization.identifier]);
}

function namedRole(
  role: PractitionerRole,
  organizationNames: ReadonlyMap<string, string | undefined>,
  nameOf: NameOf,
): PractitionerRole {
  const display = organizationNames.get(organizationOidOf(role) ?? "");
  return {
    ...role,
    code: role.code?.map((concept) => namedConcept(concept, nameOf)),
    specialty: role.specialty?.map((concept) => namedConcept(concept, nameOf)),
    organization: role.organization && display ? { ...role.organization, display } : role.organization,
  };
}

function namedPractitioner(practitioner: Practitioner, nameOf: NameOf): Practitioner {
  return {
    ...practitioner,
    qualification: practitioner.qualification?.map((one) => ({
      ...one,
      code: namedConcept(one.code ?? {}, nameOf),
    })),
  };
}

function namedConcept(concept: CodeableConcept, nameOf: NameOf): CodeableConcept {
  return {
    ...concept,
    coding: concept.coding?.map((coding) => {
      const display = nameOf(coding.system, coding.code) ?? coding.display;
      return display === undefined ? coding : { ...coding, display };
    }),
  };
}
