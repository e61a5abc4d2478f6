import type { WriteSettings } from "./api/fhir/routes.ts";
import type { Config } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { storedOperations } from "./fhir/operations/stored-operations.ts";
import { type Operation, type Provider, Providers } from "./fhir/provider.ts";
import { Repository } from "./fhir/repository.ts";
import { PageLinks } from "./fhir/search/page-link.ts";
import { SearchIndex } from "./fhir/search/search-index.ts";
import { storedProvider } from "./fhir/stored-provider.ts";
import { storedTypes } from "./fhir/stored-types.ts";
import { terminologyProviders } from "./fhir/terminology/providers.ts";
import { searchTerminology } from "./fhir/terminology/search-terminology.ts";
import { type Judge, judgeOf } from "./fhir/validation/judge.ts";
import { validateOperation } from "./fhir/validation/validate-operation.ts";
import { createValidator } from "./fhir/validation/validator.ts";
import { auditEventProvider } from "./flows/audit-events.ts";
import { accessFactListener } from "./flows/care-relations.ts";
import { withGivenConsents } from "./flows/consent/consent-provider.ts";
import { givenConsents } from "./flows/consent/consent-store.ts";
import { conceptMapProvider } from "./flows/mappings/concept-maps.ts";
import { structureMapProvider } from "./flows/mappings/structure-maps.ts";
import { holderOfRole } from "./flows/practitioner-directory.ts";
import { provenanceIssues, provenanceListener, workIssues } from "./flows/provenance-rules.ts";
import {
  organizationProvider,
  practitionerProvider,
  practitionerRoleProvider,
} from "./flows/registry-providers.ts";
import { structureDefinitionProvider } from "./flows/structure-definitions.ts";
import { subscriptionOperations } from "./flows/subscriptions/operations.ts";
import { subscriptionIssues } from "./flows/subscriptions/rules.ts";
import { subscriptionWatch } from "./flows/subscriptions/watch.ts";
import type { Parts } from "./parts.ts";
import type { SearchJournal } from "./store/journal-search.ts";
import type { Surroundings } from "./surroundings.ts";

interface Sources {
  around: Surroundings;
  journal: SearchJournal;
}

/** Every type behind the FHIR door: registries read through, the product's own maps and journal, our store. */
export function openFhir(config: Config, parts: Parts, { around, journal }: Sources) {
  const { practitioners, organizations, mappings, copies } = parts;
  const baseUrl = `${config.PUBLIC_URL}/fhir`;
  const { guide, rules, terminology, dictionaries } = parts.terminology;
  const judge = judgeOf(createValidator(guide, rules), terminology, around.clock);
  const repository = openRepository(baseUrl, parts, {
    clock: around.clock,
    judge,
    providers: () => providers,
  });
  const pages = new PageLinks({ keyring: parts.keyring, clock: around.clock });
  const notifying = subscriptionOperations({ db: parts.store.db, repository, clock: around.clock, baseUrl });
  const operations: Readonly<Record<string, readonly Operation[]>> = {
    ...storedOperations({ repository, providers: () => providers, pages, baseUrl, clock: around.clock }),
    Subscription: notifying,
  };
  const all: Provider[] = [
    practitionerProvider(practitioners, copies.copyOf("frmr")),
    practitionerRoleProvider(practitioners, copies.copyOf("frmr")),
    organizationProvider(organizations, copies.copyOf("frmo")),
    auditEventProvider(journal, config.PUBLIC_URL),
    conceptMapProvider(mappings),
    structureMapProvider({
      catalogue: mappings,
      clock: around.clock,
      open: config.MODE === "sandbox",
    }),
    structureDefinitionProvider(guide),
    ...terminologyProviders({ terminology, dictionaries, guide, clock: around.clock }),
    ...storedTypes.map((row) => {
      const provider = { ...storedProvider(repository, row), operations: operations[row.type] };
      return row.type === "Consent" ? withGivenConsents(provider) : provider;
    }),
  ];
  const providers = new Providers(
    baseUrl,
    all.map((provider) => withValidation(provider, judge)),
  );
  return { providers, repository, pages, ...writeSettings(config) };
}

/** Every type is also judged by `$validate`. */
export const withValidation = (provider: Provider, judge: Judge): Provider => ({
  ...provider,
  operations: [...(provider.operations ?? []), validateOperation(provider.type, judge)],
});

interface RepositoryGround {
  clock: Clock;
  judge: Judge;
  /** complete once the repository is open */
  providers: () => Providers;
}

function openRepository(
  baseUrl: string,
  parts: Parts,
  { clock, judge, providers }: RepositoryGround,
): Repository {
  const { store, resources, keyring, outbox, clients, identities } = parts;
  const terminology = searchTerminology(parts.terminology.terminology);
  const index = new SearchIndex({ keyring, clock, baseUrl, terminology, shared: givenConsents });
  const endpointsOf = (client: string) => clients.find(client)?.subscriptionEndpoints ?? [];
  return new Repository({
    db: store.db,
    searches: store.searches,
    store: resources,
    index,
    shared: givenConsents,
    validate: async (resource, ctx) => {
      const issues = await judge(resource);
      // our rules read elements that FHIR requires
      const isWhole = issues.every(({ severity }) => severity !== "error" && severity !== "fatal");
      if (!isWhole) return issues;
      if (resource.resourceType === "Subscription")
        return [...issues, ...subscriptionIssues(resource, { providers, endpointsOf, clock }, ctx)];
      const isProvenance = resource.resourceType === "Provenance";
      return [...issues, ...(isProvenance ? provenanceIssues(resource) : workIssues(resource))];
    },
    onChange: [
      provenanceListener(index),
      parts.onlySignedIsDispensed,
      accessFactListener(keyring, holderOfRole(identities)),
      subscriptionWatch({ clock, outbox, index, providers }),
    ],
  });
}

/** What the settings say about what is sent to the FHIR door. */
const writeSettings = (config: Config): WriteSettings => ({
  rules: {
    ifMatchRequired: config.FHIR_IF_MATCH === "required",
    bundleEntries: config.FHIR_BUNDLE_ENTRIES,
    deletesMany: config.FHIR_CONDITIONAL_DELETE === "multiple",
  },
  maxBodyBytes: config.FHIR_BODY_BYTES,
});
