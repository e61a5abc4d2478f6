import type { Organization, Practitioner, PractitionerRole } from "@medplum/fhirtypes";
import type { IndexedSearch, Provider } from "../fhir/provider.ts";
import { identifierOf } from "../fhir/token-value.ts";
import type { Answered } from "./identities.ts";
import { type OrganizationDirectory, oidOf } from "./organization-directory.ts";
import type { PractitionerDirectory, WorkerCard } from "./practitioner-directory.ts";
import { type RegistryParameter, type RegistryType, registryProvider } from "./registry-search.ts";

const nothing = { value: [], sources: [] };

const inList = <T>({ value, sources }: Answered<T>): Answered<readonly T[]> => ({ value: [value], sources });

const logicalId = (reference: string) => reference.slice(reference.lastIndexOf("/") + 1);

/** Absent: the registry is asked for what it can find, and nothing else. */
type Copy = Pick<IndexedSearch, "candidates">;

/** What only the copy answers: R4's parameters of which the registry has the elements. */
const copied = (search: Copy | undefined, names: string): RegistryType<never>["copy"] =>
  search && { parameters: names.split(" "), search };

/** Practitioner, read through from ФРМР. */
export function practitionerProvider(directory: PractitionerDirectory, copy?: Copy): Provider {
  const practitioner = (card: Answered<WorkerCard>) => ({
    value: card.value.practitioner,
    sources: card.sources,
  });
  return registryProvider<Practitioner>({
    type: "Practitioner",
    documentation: "Medical workers, read through from ФРМР and cached; searched by name in its copy",
    copy: copied(copy, "name family given gender phone telecom"),
    read: async (id, ctx) => practitioner(await directory.cardById(id, ctx)),
    known: (id, ctx) => {
      const card = directory.knownCardById(id, ctx);
      return card && practitioner(card);
    },
    parameters: [
      {
        name: "_id",
        type: "token",
        documentation: "logical id",
        find: async (id, _criterion, ctx) => inList(practitioner(await directory.cardById(id, ctx))),
      },
      {
        name: "identifier",
        type: "token",
        personal: true,
        documentation: "СНИЛС as urn:oid:1.2.643.100.3|value",
        knows: (token) => identifierOf(token, "identifier")?.kind === "snils" || copy === undefined,
        find: async (token, _criterion, ctx) => {
          const identifier = identifierOf(token, "identifier");
          if (identifier?.kind !== "snils") return nothing;
          return inList(practitioner(await directory.cardBySnils(identifier.value, ctx)));
        },
      },
    ],
  });
}

/** PractitionerRole, one per personal file of ФРМР. */
export function practitionerRoleProvider(directory: PractitionerDirectory, copy?: Copy): Provider {
  return registryProvider<PractitionerRole>({
    type: "PractitionerRole",
    documentation:
      "Personal files of a medical worker, read through from ФРМР and cached; searched by post, specialty and organisation in its copy",
    copy: copied(copy, "active date role specialty"),
    read: (id, ctx) => directory.roleById(id, ctx),
    parameters: [
      {
        name: "_id",
        type: "token",
        documentation: "logical id",
        find: async (id, _criterion, ctx) => inList(await directory.roleById(id, ctx)),
      },
      byPractitioner(directory),
      byOrganization,
    ],
  });
}

const rolesOf = ({ value, sources }: Answered<WorkerCard>) => ({ value: value.roles, sources });

const byPractitioner = (directory: PractitionerDirectory): RegistryParameter<PractitionerRole> => ({
  name: "practitioner",
  type: "reference",
  path: "practitioner",
  targets: ["Practitioner"],
  documentation: "Practitioner/<id>, or chained as practitioner.identifier",
  find: async (value, { chain }, ctx) => {
    if (chain === undefined) return rolesOf(await directory.cardById(logicalId(value), ctx));
    const identifier = identifierOf(value, "practitioner.identifier");
    if (identifier?.kind !== "snils") return nothing;
    return rolesOf(await directory.cardBySnils(identifier.value, ctx));
  },
});

const byOrganization: RegistryParameter<PractitionerRole> = {
  name: "organization",
  type: "reference",
  path: "organization",
  targets: ["Organization"],
  documentation: "Organization/<id>, or chained as organization.identifier; narrows a search by practitioner",
  keeps: ({ organization }, value, { chain }) => {
    if (chain === undefined) return organization?.reference === `Organization/${logicalId(value)}`;
    const identifier = identifierOf(value, "organization.identifier");
    return identifier?.kind === "oid" && oidOf([organization?.identifier ?? []].flat()) === identifier.value;
  },
};

/** Organization, read through from ФРМО. */
export function organizationProvider(directory: OrganizationDirectory, copy?: Copy): Provider {
  return registryProvider<Organization>({
    type: "Organization",
    documentation:
      "Medical organisations and their units, read through from ФРМО and cached; searched by name and place in its copy",
    copy: copied(
      copy,
      "active name partof address address-country address-postalcode address-state address-use",
    ),
    read: (id, ctx) => directory.organizationById(id, ctx),
    parameters: [
      {
        name: "_id",
        type: "token",
        documentation: "logical id",
        find: async (id, _criterion, ctx) => inList(await directory.organizationById(id, ctx)),
      },
      {
        name: "identifier",
        type: "token",
        documentation: "ФРМО OID as urn:ietf:rfc:3986|urn:oid:value",
        knows: (token) => identifierOf(token, "identifier")?.kind === "oid" || copy === undefined,
        find: async (token, _criterion, ctx) => {
          const identifier = identifierOf(token, "identifier");
          if (identifier?.kind !== "oid") return nothing;
          return inList(await directory.organizationByOid(identifier.value, ctx));
        },
      },
    ],
  });
}
