import { createClientRegistry, readClients } from "./access/clients.ts";
import { Sessions } from "./access/sessions.ts";
import type { Cache } from "./cache/cache.ts";
import { openCache } from "./caches.ts";
import { type Config, ConfigError, esiaProviderOf, failedMessageLimits, upstreamQuotasOf } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import { createKeyring, type Keyring } from "./crypto/keyring.ts";
import { openEsia, type SandboxEsia } from "./esia-provider.ts";
import type { Identities } from "./flows/identities.ts";
import { Catalogue } from "./flows/mappings/catalogue.ts";
import { OrganizationDirectory } from "./flows/organization-directory.ts";
import { PractitionerDirectory } from "./flows/practitioner-directory.ts";
import { loadMapping } from "./fml/loader.ts";
import { demoClients, masterKeyOf } from "./generated-keys.ts";
import { certificateWatch } from "./jobs/certificate-watch.ts";
import { dataKeyRotation } from "./jobs/data-key-rotation.ts";
import { type DictionaryWatchParts, dictionaryWatch } from "./jobs/dictionary-watch.ts";
import { expiry } from "./jobs/expiry.ts";
import { JobRunner } from "./jobs/job-runner.ts";
import { journalHeads } from "./jobs/journal-heads.ts";
import { journalSealer } from "./jobs/journal-sealer.ts";
import { noticeDeliverer } from "./jobs/notice-delivery.ts";
import { outboxWatch } from "./jobs/outbox-watch.ts";
import { outboxWorkers } from "./jobs/outbox-worker.ts";
import { openKeyProvider } from "./key-encryption.ts";
import {
  isPkiSandboxed,
  openOrgSigner,
  openSignatures,
  openVerifier,
  pkiLanes,
  signatureJobs,
} from "./signature-parts.ts";
import { DataKeys } from "./store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "./store/database.ts";
import { type FailedMessageSettings, FailedMessages } from "./store/failed-messages.ts";
import { IdempotencyKeys } from "./store/idempotency.ts";
import { IdentityMap } from "./store/identity-map.ts";
import { Journal } from "./store/journal.ts";
import { claimOnce } from "./store/once.ts";
import { Outbox } from "./store/outbox.ts";
import { purgeExpired } from "./store/purge.ts";
import { ResourceStore } from "./store/resources.ts";
import { SessionStore } from "./store/sessions.ts";
import { SignIns } from "./store/sign-ins.ts";
import { TermsAcceptances } from "./store/terms.ts";
import { WorkerVerifications } from "./store/worker-verifications.ts";
import type { IdentityProvider } from "./systems/esia/identity-provider.ts";
import { createFrmoClient } from "./systems/frmo/client.ts";
import { createFrmrClient } from "./systems/frmr/client.ts";
import { createNotifyClient, type NotifyClient } from "./systems/notify/client.ts";
import { Notices, notifySystem } from "./systems/notify/notices.ts";
import { createNsiClient } from "./systems/nsi/client.ts";
import { outboxMetrics } from "./telemetry/outbox-metrics.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { upstreamMetrics } from "./telemetry/upstream-metrics.ts";
import { openTerminology } from "./terminology-parts.ts";
import { Upstream } from "./upstream/call.ts";

const mappingsFolder = new URL("../mappings/", import.meta.url);
const organizationMap = new URL("../mappings/frmo/organization/to-fhir.fml", import.meta.url);

export interface Surroundings {
  clock: Clock;
  log: Logger;
  telemetry: Telemetry;
  version: string;
  /** plays every system that has no address of its own */
  sandbox?: {
    url: string;
    personas: readonly { id: string; note: string }[];
    scenarios: Readonly<Record<string, string>>;
    esia: SandboxEsia;
    /** DER of its certification authorities' roots */
    pki: { roots: readonly Uint8Array[] };
  };
}

export type Parts = Awaited<ReturnType<typeof openParts>>;

/** Opens and joins everything behind the doors: store, cache, upstream systems, flows. */
export async function openParts(config: Config, around: Surroundings) {
  const { clock, log } = around;
  const stored = await openStore(config, around);
  const { keyring, store, journal, outbox } = stored;
  const { cache, redis } = await openCache(config, { ...around, keyring });
  const failedMessages = openFailedMessages(config, { db: store.db, keyring, clock, log });
  const upstream = openUpstream(config, { cache, failedMessages }, around);
  const identityMap = new IdentityMap({ db: store.db, keyring, clock });
  const verifier = openVerifier(config, upstream, around);
  const systems = await openSystems(config, upstream, around);
  const esia = await openEsia(config, { upstream, clock, verifier, sandbox: around.sandbox?.esia });
  const identities = sharedIdentities(identityMap);
  const registries = directories(systems, identities);
  const terminology = openTerminology(config, { store, keyring, source: systems.nsi }, around);
  const signing = openSignatures(config, { ...stored, verifier, clock });
  const ground = { ...stored, esia, failedMessages, notify: systems.notify, signing, terminology };
  const jobs = openJobs(config, ground, around);
  jobs.start();
  return {
    ...stored,
    cache,
    redis,
    upstream,
    notices: new Notices(outbox),
    esia,
    clients: await clientsOf(config, around),
    claimOnce: claimOnce(store.db, keyring, clock),
    ...signing,
    orgSigner: openOrgSigner(config, { ...around, ...registries, upstream, verifier }),
    ...peopleParts(config, { store, keyring, cache, clock }),
    identities,
    ...registries,
    terminology,
    mappings: await Catalogue.open(mappingsFolder),
    close: async () => {
      await jobs.stop(config.DRAIN_SECONDS * 1000);
      for (const part of [journal, upstream, verifier, cache]) await part.close();
      redis?.close();
      await store.close();
    },
  };
}

function directories({ frmr, frmo, nsi }: Awaited<ReturnType<typeof openSystems>>, identities: Identities) {
  return {
    practitioners: new PractitionerDirectory(frmr, identities),
    dictionaries: nsi,
    organizations: new OrganizationDirectory(frmo, identities),
  };
}

async function clientsOf({ CLIENTS_FILE, DATA_DIR }: Config, { sandbox }: Surroundings) {
  const clients = CLIENTS_FILE ? readClients(CLIENTS_FILE) : await demoClients(DATA_DIR, sandbox?.url);
  return createClientRegistry(clients);
}

/** The record, and what is written into it for every door. */
async function openStore(config: Config, { clock, log }: Surroundings) {
  const keyring = createKeyring(masterKeyOf(config));
  const dataKeys = new DataKeys({ keys: await openKeyProvider(config, { keyring, clock }), clock });
  const store = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR, log });
  return {
    keyring,
    store,
    journal: new Journal({ pool: store.pool, keyring }),
    outbox: new Outbox({ db: store.db, keyring, clock }),
    dataKeys,
    resources: new ResourceStore({ dataKeys, clock }),
  };
}

type FailedMessageGround = Pick<FailedMessageSettings, "db" | "keyring" | "clock" | "log">;

function openFailedMessages(config: Config, ground: FailedMessageGround): FailedMessages {
  return new FailedMessages({ ...ground, ...failedMessageLimits(config) });
}

interface JobGround {
  store: OpenDatabase;
  keyring: Keyring;
  esia: IdentityProvider;
  failedMessages: FailedMessages;
  outbox: Outbox;
  notify: NotifyClient;
  terminology: Pick<DictionaryWatchParts, "sync">;
  dataKeys: DataKeys;
  signing: ReturnType<typeof openSignatures>;
}

function openJobs(config: Config, ground: JobGround, { clock, log, telemetry }: Surroundings): JobRunner {
  const { store, keyring, esia, failedMessages, outbox, notify, dataKeys, signing } = ground;
  const observer = outboxMetrics(telemetry.instruments);
  const { db } = store;
  const deliverers = new Map([[notifySystem, noticeDeliverer({ client: notify, clock, log })]]);
  const jobs = [
    journalSealer({ db, keyring, clock }),
    dataKeyRotation({ db, dataKeys, log }),
    ...(config.JOURNAL_HEADS_FILE ? [journalHeads({ db, keyring, file: config.JOURNAL_HEADS_FILE })] : []),
    dictionaryWatch({ clock, sync: ground.terminology.sync }),
    certificateWatch({ log, notices: () => esia.notices() }),
    ...signatureJobs(signing, { notices: new Notices(outbox), telemetry }),
    ...outboxWorkers({ outbox, deliverers, clock, log, observer }),
    outboxWatch({ db, clock, report: observer.depth }),
    expiry([
      () => failedMessages.purge(),
      () => purgeExpired(db, "idempotency", clock.now()),
      () => purgeExpired(db, "one_time_value", clock.now()),
    ]),
  ];
  return new JobRunner({ db, clock, log, jobs });
}

interface PeopleGround {
  store: OpenDatabase;
  keyring: Keyring;
  cache: Cache;
  clock: Clock;
}

/** What is remembered of people and of what they asked for. */
function peopleParts(config: Config, { store: { db }, keyring, cache, clock }: PeopleGround) {
  return {
    sessions: new Sessions({
      store: new SessionStore({ db, keyring, clock }),
      cache,
      clock,
      limits: {
        idleSeconds: config.SESSION_IDLE_SECONDS,
        lifeSeconds: config.SESSION_LIFE_SECONDS,
        rotateSeconds: config.SESSION_ROTATE_SECONDS,
      },
    }),
    signIns: new SignIns({ db, keyring }),
    terms: new TermsAcceptances({ db, clock }),
    verifications: new WorkerVerifications({ db, keyring }),
    // a request may not run longer than its deadline; the rest is for its last statement
    idempotency: new IdempotencyKeys({ db, keyring, clock, leaseMs: 2 * config.REQUEST_TIMEOUT_MS }),
  };
}

/** Systems without an address in the settings: the sandbox plays them. */
export function sandboxedSystems(config: Config): string[] {
  const { FRMR_URL: frmr, FRMO_URL: frmo, NSI_URL: nsi, NOTIFY_URL: notify } = config;
  const esia = esiaProviderOf(config) === "sandbox" ? undefined : config.ESIA_URL;
  const pki = isPkiSandboxed(config) ? undefined : "live";
  return Object.entries({ frmr, frmo, nsi, notify, pki, esia })
    .filter(([, url]) => !url)
    .map(([system]) => system);
}

interface UpstreamGround {
  cache: Cache;
  failedMessages: FailedMessages;
}

function openUpstream(config: Config, ground: UpstreamGround, around: Surroundings): Upstream {
  const { clock, telemetry } = around;
  const sandboxed = sandboxedSystems(config);
  const registry = { failures: ground.failedMessages };
  // one subscriber that is away says nothing of the others
  const subscriber = { breaker: { threshold: 0.999, size: 1_000, minimumCalls: 1_000 } };
  // what ESIA answers holds tokens, which are kept nowhere
  const systems = { frmr: registry, frmo: registry, nsi: registry, notify: {}, subscriber, esia: {} };
  const quotas = upstreamQuotasOf(config);
  const stranger = [...quotas.keys()].find((system) => !Object.hasOwn(systems, system));
  if (stranger) throw new ConfigError(`Settings refused: UPSTREAM_QUOTAS names ${stranger}, no such system`);
  return new Upstream({
    clock,
    cache: ground.cache,
    systems: {
      ...Object.fromEntries(
        Object.entries(systems).map(([system, settings]) => [
          system,
          { ...settings, sandbox: sandboxed.includes(system), quota: quotas.get(system) },
        ]),
      ),
      ...pkiLanes(config, around.sandbox),
    },
    observer: upstreamMetrics(telemetry.instruments),
  });
}

async function openSystems(config: Config, upstream: Upstream, { clock, sandbox }: Surroundings) {
  const timeoutMs = config.UPSTREAM_TIMEOUT_MS;
  return {
    frmr: await createFrmrClient({
      upstream,
      clock,
      baseUrl: config.FRMR_URL ?? `${sandbox?.url}/frmr`,
      operationNames: { getEmployee: config.FRMR_OPERATION },
      timeoutMs,
      cacheSeconds: config.FRMR_CACHE_SECONDS,
    }),
    frmo: createFrmoClient({
      upstream,
      baseUrl: config.FRMO_URL ?? `${sandbox?.url}/frmo`,
      timeoutMs,
      cacheSeconds: config.FRMO_CACHE_SECONDS,
      toFhir: await loadMapping(organizationMap),
    }),
    nsi: createNsiClient({
      upstream,
      baseUrl: config.NSI_URL ?? `${sandbox?.url}/nsi`,
      userKey: config.NSI_USER_KEY,
      timeoutMs,
      cacheSeconds: config.NSI_CACHE_SECONDS,
    }),
    notify: createNotifyClient({
      upstream,
      baseUrl: config.NOTIFY_URL ?? `${sandbox?.url}/notify`,
      key: config.NOTIFY_KEY,
      timeoutMs,
    }),
  };
}

/** Registry records are the same for every tenant, so their logical ids are shared. */
function sharedIdentities(map: IdentityMap): Identities {
  const tenant = "shared";
  return {
    idOf: (kind, value) => map.idOf(tenant, kind, value),
    find: (id) => map.find(tenant, id),
  };
}
