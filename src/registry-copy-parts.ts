import { randomUUID } from "node:crypto";
import { type Config, listOf } from "./config.ts";
import { systemContext } from "./core/context.ts";
import { sharedTenant } from "./core/shared-tenant.ts";
import type { Keyring } from "./crypto/keyring.ts";
import type { IndexedSearch } from "./fhir/provider.ts";
import { Repository } from "./fhir/repository.ts";
import { SearchIndex } from "./fhir/search/search-index.ts";
import { searchTerminology } from "./fhir/terminology/search-terminology.ts";
import type { Terminology } from "./fhir/terminology/terminology.ts";
import {
  listedOrganizations,
  listedWorkers,
  type OrganizationList,
  type WorkerList,
} from "./flows/listed-registries.ts";
import type { OrganizationDirectory } from "./flows/organization-directory.ts";
import type { PractitionerDirectory } from "./flows/practitioner-directory.ts";
import { RegistryCopy } from "./flows/registry-copy.ts";
import { syncRegistries } from "./flows/registry-sync.ts";
import type { Job } from "./jobs/job-runner.ts";
import { registryWatch } from "./jobs/registry-watch.ts";
import type { OpenDatabase } from "./store/database.ts";
import type { ResourceStore } from "./store/resources.ts";
import type { Surroundings } from "./surroundings.ts";
import { declareLabel } from "./telemetry/labels.ts";

interface Ground {
  store: OpenDatabase;
  resources: ResourceStore;
  keyring: Keyring;
  terminology: Terminology;
  practitioners: PractitionerDirectory;
  organizations: OrganizationDirectory;
  frmr: WorkerList;
  frmo: OrganizationList;
}

export interface RegistryCopies {
  /** undefined for a registry that is not copied */
  copyOf(registry: string): Pick<IndexedSearch, "candidates"> | undefined;
  /** brings all copies up to date now */
  sync(signal: AbortSignal): Promise<void>;
  jobs: readonly Job[];
}

const callMs = 60_000;

/** The copies of registries that the settings name, and the job that keeps them. */
export function openRegistryCopies(
  config: Config,
  ground: Ground,
  { clock, log, telemetry }: Surroundings,
): RegistryCopies {
  const named = listOf(config.REGISTRY_COPIES);
  const { practitioners, organizations, frmr, frmo } = ground;
  const copy = new RegistryCopy({
    db: ground.store.db,
    repository: repositoryOf(config, ground, clock),
    log,
  });
  const registries = [
    listedWorkers({ list: frmr, directory: practitioners, clock, log }),
    listedOrganizations({ list: frmo, directory: organizations, clock, log }),
  ].filter(({ name }) => named.includes(name));
  const newContext = () =>
    systemContext({
      id: "registry-watch",
      tenant: sharedTenant,
      requestId: randomUUID(),
      deadline: clock.now() + callMs,
      log,
    });
  const onCopied = (registry: string, at: number) => {
    telemetry.instruments.registryCopied.of({ registry: declareLabel(registry) }).value = at / 1_000;
  };
  const sync = (signal: AbortSignal) =>
    syncRegistries({ copy, registries, clock, log, newContext, onCopied }, signal);
  return {
    copyOf: (registry) => (named.includes(registry) ? copy.searchOf(registry) : undefined),
    sync,
    jobs: named.length > 0 ? [registryWatch(sync)] : [],
  };
}

/** What is copied was checked by its registry, and nobody subscribes to it. */
function repositoryOf(config: Config, ground: Ground, clock: Surroundings["clock"]): Repository {
  const { store, resources, keyring, terminology } = ground;
  return new Repository({
    db: store.db,
    searches: store.searches,
    store: resources,
    index: new SearchIndex({
      keyring,
      clock,
      baseUrl: `${config.PUBLIC_URL}/fhir`,
      terminology: searchTerminology(terminology),
    }),
    validate: async () => [],
    onChange: [],
  });
}
