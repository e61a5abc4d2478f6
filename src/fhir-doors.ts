import type { WriteSettings } from "./api/fhir/routes.ts";
import type { Config } from "./config.ts";
import { Providers } from "./fhir/provider.ts";
import { Repository, type ResourceIndex } from "./fhir/repository.ts";
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
  const repository = openRepository(parts);
  const providers = new Providers(`${config.PUBLIC_URL}/fhir`, [
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
  return { providers, repository, ...writeSettings(config) };
}

function openRepository({ store, resources }: Parts): Repository {
  const validator = createValidator();
  return new Repository({
    db: store.db,
    store: resources,
    index: idsOnly,
    validate: async (resource) => validator.validate(resource),
    onChange: [],
  });
}

const idsOnly: ResourceIndex = {
  search: async (_db, { criteria }) => ({ ids: criteria[0]?.values ?? [] }),
  write: async () => {},
};

/** What the settings say about what is sent to the FHIR door. */
const writeSettings = (config: Config): WriteSettings => ({
  rules: {
    ifMatchRequired: config.FHIR_IF_MATCH === "required",
    deletesMany: config.FHIR_CONDITIONAL_DELETE === "multiple",
  },
  maxBodyBytes: config.FHIR_BODY_BYTES,
});
