import { createClientRegistry, readClients } from "./access/clients.ts";
import { postTableIn } from "./access/post-rights.ts";
import { Sessions } from "./access/sessions.ts";
import type { Cache } from "./cache/cache.ts";
import { openCache } from "./caches.ts";
import { type Config, failedMessageLimits } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { sharedTenant } from "./core/shared-tenant.ts";
import type { Keyring } from "./crypto/keyring.ts";
import { openEsia } from "./esia-provider.ts";
import { SearchIndex } from "./fhir/search/search-index.ts";
import { ConsentStore, consentPlace } from "./flows/consent/consent-store.ts";
import type { KnownIdentities, StoredIdentities } from "./flows/identities.ts";
import { Catalogue } from "./flows/mappings/catalogue.ts";
import { OrganizationDirectory } from "./flows/organization-directory.ts";
import { PractitionerDirectory } from "./flows/practitioner-directory.ts";
import { demoClients } from "./generated-keys.ts";
import { certificateWatch } from "./jobs/certificate-watch.ts";
import { consentIndexer } from "./jobs/consent-indexer.ts";
import { dataKeyRotation } from "./jobs/data-key-rotation.ts";
import { dictionaryWatch } from "./jobs/dictionary-watch.ts";
import { expiry } from "./jobs/expiry.ts";
import { type Job, JobRunner } from "./jobs/job-runner.ts";
import { journalHeads } from "./jobs/journal-heads.ts";
import { journalIndexer } from "./jobs/journal-indexer.ts";
import { journalSealer } from "./jobs/journal-sealer.ts";
import { noticeDeliverer } from "./jobs/notice-delivery.ts";
import { outboxWatch } from "./jobs/outbox-watch.ts";
import { outboxWorkers } from "./jobs/outbox-worker.ts";
import { openKeyProvider, openKeyring } from "./key-encryption.ts";
import { openRegistryCopies, type RegistryCopies } from "./registry-copy-parts.ts";
import { openOrgSigner, openSignatures, openVerifier } from "./signature-parts.ts";
import { DataKeys } from "./store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "./store/database.ts";
import { DeferredRequests } from "./store/deferred-requests.ts";
import { type FailedMessageSettings, FailedMessages } from "./store/failed-messages.ts";
import { IdempotencyKeys } from "./store/idempotency.ts";
import { IdentityMap } from "./store/identity-map.ts";
import { Journal } from "./store/journal.ts";
import { claimOnce } from "./store/once.ts";
import { Outbox } from "./store/outbox.ts";
import { personalPurges } from "./store/personal-purges.ts";
import { purgeDelivered, purgeExpired } from "./store/purge.ts";
import { ResourceStore } from "./store/resources.ts";
import { SessionStore } from "./store/sessions.ts";
import { SignIns } from "./store/sign-ins.ts";
import { TermsAcceptances } from "./store/terms.ts";
import { WorkerVerifications } from "./store/worker-verifications.ts";
import type { Surroundings } from "./surroundings.ts";
import type { IdentityProvider } from "./systems/esia/identity-provider.ts";
import type { NotifyClient } from "./systems/notify/client.ts";
import { Notices, notifySystem } from "./systems/notify/notices.ts";
import { outboxMetrics } from "./telemetry/outbox-metrics.ts";
import { observeStores } from "./telemetry/store-metrics.ts";
import { openTerminology } from "./terminology-parts.ts";
import { openSystems, openUpstream } from "./upstream-parts.ts";

const mappingsFolder = new URL("../mappings/", import.meta.url);

export type Parts = Awaited<ReturnType<typeof openParts>>;

/** Opens and joins everything behind the doors: store, cache, upstream systems, flows. */
export async function openParts(config: Config, around: Surroundings) {
  const { clock, log } = around;
  const stored = await openStore(config, around);
  const { keyring, store, journal, outbox } = stored;
  const { cache, redis } = await openCache(config, { ...around, keyring });
  observeStores(around.telemetry.instruments, { redis });
  const failedMessages = openFailedMessages(config, { db: store.db, keyring, clock, log });
  const upstream = openUpstream(config, { cache, failedMessages }, around);
  const verifier = openVerifier(config, upstream, { ...around, store });
  const systems = await openSystems(config, upstream, around);
  const esia = await openEsia(config, { upstream, clock, verifier, sandbox: around.sandbox?.esia });
  const identities = sharedIdentities(new IdentityMap({ db: store.db, keyring, clock }));
  const registries = directories(systems, identities);
  const terminology = openTerminology(config, { store, keyring, source: systems.nsi }, around);
  const copied = { ...stored, ...registries, ...systems, ...terminology };
  const copies = openRegistryCopies(config, copied, around);
  const signing = openSignatures(config, { ...stored, ...registries, identities, verifier, clock, log });
  const ground = { ...stored, esia, failedMessages, notify: systems.notify, terminology, copies };
  const jobs = startJobs(config, ground, around);
  return {
    ...stored,
    ...{ jobs, cache, redis },
    upstream,
    notices: new Notices(outbox),
    esia,
    clients: await clientsOf(config, around),
    claimOnce: claimOnce(store.vital.db, keyring, clock),
    ...signing,
    postTable: postTableIn(config.POST_RIGHTS_FILE),
    orgSigner: openOrgSigner(config, { ...around, ...registries, upstream, verifier }),
    ...peopleParts(config, { store, keyring, cache, clock }),
    identities,
    ...registries,
    terminology,
    copies,
    mappings: await Catalogue.open(mappingsFolder),
    close: async () => {
      await jobs.stop(config.DRAIN_SECONDS * 1000);
      for (const part of [journal, upstream, verifier, cache]) await part.close();
      redis?.close();
      await store.close();
    },
  };
}

function directories(
  { frmr, frmo, nsi }: Awaited<ReturnType<typeof openSystems>>,
  identities: KnownIdentities,
) {
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
async function openStore(config: Config, { clock, log, telemetry }: Surroundings) {
  const store = await openDatabase({
    url: config.DATABASE_URL,
    dataDir: config.DATA_DIR,
    statementTimeoutMs: config.DATABASE_STATEMENT_MS,
    connections: config.DATABASE_CONNECTIONS,
    log,
  });
  const keyring = await openKeyring(config, store.db);
  const dataKeys = new DataKeys({ keys: await openKeyProvider(config, { keyring, clock }), clock });
  const { db } = store;
  const altered = telemetry.instruments.alteredRecords.of({});
  const onAltered = (error: Error & { code: string }) => {
    altered.value++;
    log.error({ error, code: error.code }, "a stored record was changed past the gateway");
  };
  const resources = new ResourceStore({ dataKeys, clock, onAltered });
  const index = new SearchIndex({ keyring, clock, baseUrl: `${config.PUBLIC_URL}/fhir` });
  return {
    keyring,
    store,
    journal: new Journal({ pool: store.vital.pool, keyring }),
    outbox: new Outbox({ db, keyring, clock, retryMs: config.OUTBOX_RETRY_HOURS * 3_600_000 }),
    deferredRequests: new DeferredRequests({
      ...{ db, keyring, dataKeys, clock },
      keptMs: config.FHIR_ASYNC_KEPT_SECONDS * 1_000,
      mostPerClient: config.FHIR_ASYNC_REQUESTS,
    }),
    dataKeys,
    resources,
    consentStore: new ConsentStore({ db, resources, index }),
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
  terminology: { sync: Job["run"] };
  copies: RegistryCopies;
  dataKeys: DataKeys;
  deferredRequests: DeferredRequests;
  consentStore: ConsentStore;
}

function startJobs(config: Config, ground: JobGround, { clock, log, telemetry }: Surroundings): JobRunner {
  const { store, keyring, esia, failedMessages, outbox, notify, dataKeys } = ground;
  const observer = outboxMetrics(telemetry.instruments);
  const { deferredRequests } = ground;
  const { db } = store;
  const deliverers = new Map([[notifySystem, noticeDeliverer({ client: notify, clock, log })]]);
  const jobs = [
    journalSealer({ db, keyring, clock }, () => {
      telemetry.instruments.journalSealed.of({}).value = clock.now() / 1_000;
    }),
    journalIndexer({ db, keyring }),
    dataKeyRotation({ db, dataKeys, log }),
    consentIndexer((signal) => ground.consentStore.indexEarlier(signal)),
    ...(config.JOURNAL_HEADS_FILE ? [journalHeads({ db, keyring, file: config.JOURNAL_HEADS_FILE })] : []),
    dictionaryWatch(ground.terminology.sync),
    ...ground.copies.jobs,
    certificateWatch({ log, notices: () => esia.notices() }),
    ...outboxWorkers({ outbox, deliverers, clock, log, observer }),
    outboxWatch({ db, clock, report: observer.depth }),
    expiry([
      () => failedMessages.purge(),
      () => purgeExpired(db, "idempotency", clock.now()),
      () => purgeExpired(db, "one_time_value", clock.now()),
      () => purgeExpired(db, "revocation_answer", clock.now()),
      () => purgeDelivered(db, clock.now() - config.OUTBOX_DELIVERED_DAYS * 86_400_000),
      () => purgeExpired(db, "search_snapshot", clock.now()),
      () => deferredRequests.purge(),
      ...personalPurges({
        ...{ db, now: () => clock.now(), consents: consentPlace },
        verificationDays: config.EARLIER_VERIFICATION_DAYS,
      }),
    ]),
  ];
  const runner = new JobRunner({ db, clock, log, jobs });
  runner.start();
  return runner;
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

/** Registry records are the same for every tenant, so their logical ids are shared. */
function sharedIdentities(map: IdentityMap): StoredIdentities {
  const tenant = sharedTenant;
  return {
    idOf: (kind, value) => map.idOf(tenant, kind, value),
    find: (id, trx) => map.find(tenant, id, trx),
    known: (id) => map.known(tenant, id),
    knownIdOf: (trx, kind, value) => map.knownIdOf(trx, tenant, { kind, value }),
  };
}
