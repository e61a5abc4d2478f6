import type { WriteSettings } from "./api/fhir/routes.ts";
import type { Config } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { Providers } from "./fhir/provider.ts";
import { Repository } from "./fhir/repository.ts";
import { PageLinks } from "./fhir/search/page-link.ts";
import { SearchIndex } from "./fhir/search/search-index.ts";
import { storedProvider } from "./fhir/stored-provider.ts";
import { storedTypes } from "./fhir/stored-types.ts";
import { createValidator } from "./fhir/validation/validator.ts";
import { auditEventProvider } from "./flows/audit-events.ts";
import { conceptMapProvider } from "./flows/mappings/concept-maps.ts";
import { structureMapProvider } from "./flows/mappings/structure-maps.ts";
import {
  organizationProvider,
  practitionerProvider,
  practitionerRoleProvider,
} from "./flows/registry-providers.ts";
import type { Parts, Surroundings } from "./parts.ts";
import type { SearchJournal } from "./store/journal-search.ts";

interface Sources {
  around: Surroundings;
  journal: SearchJournal;
}

/** Every type behind the FHIR door: registries read through, the product's own maps and journal, our store. */
export function openFhir(config: Config, parts: Parts, { around, journal }: Sources) {
  const { practitioners, organizations, mappings } = parts;
  const baseUrl = `${config.PUBLIC_URL}/fhir`;
  const repository = openRepository(baseUrl, parts, around.clock);
  const providers = new Providers(baseUrl, [
    practitionerProvider(practitioners),
    practitionerRoleProvider(practitioners),
    organizationProvider(organizations),
    auditEventProvider(journal),
    conceptMapProvider(mappings),
    structureMapProvider({
      catalogue: mappings,
      clock: around.clock,
      open: config.MODE === "sandbox",
    }),
    ...storedTypes.map((row) => storedProvider(repository, row)),
  ]);
  const pages = new PageLinks({ keyring: parts.keyring, clock: around.clock });
  return { providers, repository, pages, ...writeSettings(config) };
}

function openRepository(baseUrl: string, { store, resources, keyring }: Parts, clock: Clock): Repository {
  const validator = createValidator();
  return new Repository({
    db: store.db,
    store: resources,
    index: new SearchIndex({ keyring, clock, baseUrl }),
    validate: async (resource) => validator.validate(resource),
    onChange: [],
  });
}

/** What the settings say about what is sent to the FHIR door. */
const writeSettings = (config: Config): WriteSettings => ({
  rules: {
    ifMatchRequired: config.FHIR_IF_MATCH === "required",
    deletesMany: config.FHIR_CONDITIONAL_DELETE === "multiple",
  },
  maxBodyBytes: config.FHIR_BODY_BYTES,
});
