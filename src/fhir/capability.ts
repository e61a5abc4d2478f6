import type {
  CapabilityStatement,
  CapabilityStatementRestInteraction,
  CapabilityStatementRestResource,
  CapabilityStatementRestSecurity,
  Extension,
} from "@medplum/fhirtypes";
import { canonicalBase } from "../core/canonical.ts";
import { interactionsOf, offers, type Provider, type Providers } from "./provider.ts";
import { compartmentTypes } from "./search/compartment.ts";
import { definitionOf } from "./search/parameters.ts";

export interface CapabilityFacts {
  baseUrl: string;
  version: string;
  /** systems that answer from the sandbox, with invented people, and the grades of what it plays */
  sandboxed: readonly string[];
  /** how many resources a conditional delete may delete */
  conditionalDelete: "single" | "multiple";
  /** a change of a stored resource must say which version it has seen */
  ifMatchRequired: boolean;
  /** canonicals of the profiles of each type that the validator knows */
  profilesOf(type: string): readonly string[];
  /** canonicals of what a Subscription may hear of */
  topics: readonly string[];
  /** `tel:` and `mailto:` addresses of the security service */
  securityContacts?: readonly string[];
  /** moment of the process's start, ISO 8601 */
  date: string;
}

/** The CapabilityStatement, generated from what is registered and from nothing else (FHIR R4 capabilities). */
export function capabilityOf(providers: Providers, facts: CapabilityFacts): CapabilityStatement {
  return {
    resourceType: "CapabilityStatement",
    url: `${canonicalBase}/CapabilityStatement/gateway`,
    status: "active",
    kind: "instance",
    date: facts.date,
    ...contactsOf(facts),
    fhirVersion: "4.0.1",
    implementationGuide: [`${canonicalBase}/ImplementationGuide/cabinet-gateway`],
    format: ["json", "xml"],
    patchFormat: ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"],
    software: { name: "cabinet-gateway", version: facts.version },
    implementation: {
      url: facts.baseUrl,
      description: facts.sandboxed.length
        ? `Answers of ${facts.sandboxed.join(", ")} come from the sandbox: invented people, without legal force`
        : "FHIR R4 over the state systems of a medical worker's cabinet",
    },
    rest: [
      {
        mode: "server",
        security,
        resource: providers.all.map((provider) => resourceOf(providers, provider, facts)),
        documentation:
          "Searches, histories, operations and batches may be asked for with Prefer: respond-async; changes and transactions are answered at once",
        compartment: compartmentTypes.map(
          (type) => `http://hl7.org/fhir/CompartmentDefinition/${type.toLowerCase()}`,
        ),
        interaction: ["transaction", "batch", "search-system", "history-system"].map((code) => ({
          code: code as CapabilityStatementRestInteraction["code"],
        })),
      },
    ],
  };
}

function contactsOf({ securityContacts = [] }: CapabilityFacts): Pick<CapabilityStatement, "contact"> {
  if (securityContacts.length === 0) return {};
  const telecom = securityContacts.map((uri) => ({
    system: uri.startsWith("tel:") ? ("phone" as const) : ("email" as const),
    value: uri.slice(uri.indexOf(":") + 1),
  }));
  return { contact: [{ name: "Служба безопасности", telecom }] };
}

const security: CapabilityStatementRestSecurity = {
  service: [
    {
      coding: [
        {
          system: "http://terminology.hl7.org/CodeSystem/restful-security-service",
          code: "SMART-on-FHIR",
        },
      ],
    },
  ],
  description: "SMART Backend Services: private_key_jwt at /auth/token, scopes system/<Type>.rs",
};

function resourceOf(
  providers: Providers,
  provider: Provider,
  facts: CapabilityFacts,
): CapabilityStatementRestResource {
  const profiles = facts.profilesOf(provider.type);
  return {
    ...(provider.type === "Subscription" && { extension: facts.topics.map(topicExtension) }),
    type: provider.type,
    ...(profiles.length > 0 && { supportedProfile: [...profiles] }),
    documentation: provider.documentation,
    interaction: interactionsOf(provider).map((code) => ({ code })),
    versioning: versioningOf(provider, facts),
    readHistory: provider.vread !== undefined,
    conditionalRead: "full-support",
    conditionalCreate: offers(provider, "create"),
    ...(offers(provider, "update") && { updateCreate: true }),
    conditionalUpdate: offers(provider, "update"),
    conditionalDelete: offers(provider, "delete") ? facts.conditionalDelete : "not-supported",
    ...inclusionsOf(providers, provider),
    searchParam: provider.searchParameters.map(({ name, type, documentation }) => ({
      name,
      definition: definitionOf(provider.type, name),
      type,
      documentation,
    })),
    ...(provider.operations && {
      operation: provider.operations.map(({ name, definition, documentation }) => ({
        name,
        definition,
        documentation,
      })),
    }),
  };
}

function inclusionsOf(
  providers: Providers,
  { type, searchParameters }: Provider,
): Pick<CapabilityStatementRestResource, "searchInclude" | "searchRevInclude"> {
  // what refers only to types that are not served has nothing to include
  const searchInclude = searchParameters
    .filter(({ targets }) => targets?.some((target) => providers.of(target)))
    .map(({ name }) => `${type}:${name}`);
  const searchRevInclude = providers.all.flatMap((other) =>
    other.searchParameters
      .filter(({ targets }) => targets?.includes(type))
      .map(({ name }) => `${other.type}:${name}`),
  );
  // FHIR has no empty lists
  return {
    ...(searchInclude.length > 0 && { searchInclude }),
    ...(searchRevInclude.length > 0 && { searchRevInclude }),
  };
}

/** An update that names no version is refused only where the operator wants it so. */
function versioningOf(
  provider: Provider,
  { ifMatchRequired }: CapabilityFacts,
): CapabilityStatementRestResource["versioning"] {
  if (ifMatchRequired && offers(provider, "update")) return "versioned-update";
  return provider.vread ? "versioned" : "no-version";
}

/** Subscriptions R5 Backport 1.1: how a server of R4 names its topics. */
const topicExtension = (topic: string): Extension => ({
  url: "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
  valueCanonical: topic,
});
