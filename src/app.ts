import formbody from "@fastify/formbody";
import type { CapabilityStatement } from "@medplum/fhirtypes";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { FactsOf } from "./access/access-facts.ts";
import type { AccessTokens } from "./access/access-token.ts";
import { accessTokens, openAccess } from "./access-parts.ts";
import type { AuthDoor } from "./api/auth/door.ts";
import { signInErrorPage } from "./api/auth/error-page.ts";
import { registerSignIn } from "./api/auth/routes.ts";
import { registerTokenEndpoint } from "./api/auth/token.ts";
import { registerTokenStanding } from "./api/auth/token-standing.ts";
import { explainOperation } from "./api/cabinet/access-explain.ts";
import { holdersOperation } from "./api/cabinet/access-holders.ts";
import { summaryOperation } from "./api/cabinet/access-summary.ts";
import { createAccessesPages } from "./api/cabinet/accesses-page.ts";
import { meOperations } from "./api/cabinet/me.ts";
import { myAccessesOperation } from "./api/cabinet/my-accesses.ts";
import { myActivityOperation } from "./api/cabinet/my-activity.ts";
import { myCertificateOperations } from "./api/cabinet/my-certificates.ts";
import { consentOperations } from "./api/cabinet/my-consents.ts";
import { myRecordsOperation } from "./api/cabinet/my-records.ts";
import { mySignatureOperations } from "./api/cabinet/my-signatures.ts";
import { registryCardOperation } from "./api/cabinet/registry-card.ts";
import { cabinetSpecification, registerCabinet } from "./api/cabinet/routes.ts";
import { registerSigningPage } from "./api/cabinet/signing-page.ts";
import { repeatKeyOf } from "./api/fhir/repeat-key.ts";
import { registerFhir } from "./api/fhir/routes.ts";
import { registerDocs } from "./api/ops/docs.ts";
import { registerHealth, type UpstreamState } from "./api/ops/health.ts";
import { registerJournalHead } from "./api/ops/journal-head.ts";
import { registerStartPage } from "./api/ops/start-page.ts";
import { type Config, drainOf } from "./config.ts";
import { openConsents, openHolders } from "./consent-doors.ts";
import type { Actor } from "./core/context.ts";
import { deferredDoor, startDeferred } from "./deferred-parts.ts";
import { edgeOf } from "./edge.ts";
import { capabilityOf } from "./fhir/capability.ts";
import type { Providers } from "./fhir/provider.ts";
import { parseCriteria } from "./fhir/search-request.ts";
import { openFhir } from "./fhir-doors.ts";
import { accessNames } from "./flows/access-names.ts";
import { confirmWorker } from "./flows/acting-worker.ts";
import { createOwnRecordsOf } from "./flows/own-records.ts";
import { createPersonIdOf } from "./flows/person-ids.ts";
import { profilesOf } from "./flows/structure-definitions.ts";
import { topics } from "./flows/subscriptions/shape.ts";
import type { JobRunner } from "./jobs/job-runner.ts";
import { openMe } from "./me-doors.ts";
import type { Parts } from "./parts.ts";
import { registerAccess } from "./plugins/access.ts";
import { askingAgain } from "./plugins/asking-again.ts";
import { ClientRates } from "./plugins/client-rates.ts";
import { limitConnections } from "./plugins/connections.ts";
import { registerContext } from "./plugins/context.ts";
import { type Drain, registerDrain } from "./plugins/drain.ts";
import { registerErrors } from "./plugins/errors.ts";
import { registerIdempotency, requiredIdempotencyKeyOf } from "./plugins/idempotency.ts";
import { recordRefusal, registerJournal } from "./plugins/journal.ts";
import { registerLimits, watchLoad } from "./plugins/limits.ts";
import { registerRouteTable } from "./plugins/route-table.ts";
import { serverOptions } from "./plugins/server-options.ts";
import { registerReaders, registerSessionOrBearer, registerSessions } from "./plugins/session.ts";
import { registerSignatureGate } from "./plugins/signature-gate.ts";
import { strangerLimit } from "./plugins/strangers.ts";
import { registerTelemetry } from "./plugins/telemetry.ts";
import { openRepeats } from "./repeat-parts.ts";
import { openSignIn } from "./sign-in-doors.ts";
import { signingPageOf, startSignatureJobs } from "./signature-parts.ts";
import { countJournal } from "./store/journal-hours.ts";
import { currentHead } from "./store/journal-seal.ts";
import { journalSearch, type SearchJournal } from "./store/journal-search.ts";
import { signingActivity } from "./store/signature-activity.ts";
import { startSubscriptions } from "./subscription-parts.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Upstream } from "./upstream/call.ts";
import { sandboxedSystems } from "./upstream-parts.ts";

export interface Gateway {
  app: FastifyInstance;
  drain: Drain;
  jobs: readonly JobRunner[];
}

/** The table of contents: what every request passes, then the doors. */
export async function createApp(config: Config, parts: Parts, around: Surroundings): Promise<Gateway> {
  const { clock, log, telemetry } = around;
  const app = Fastify(serverOptions(edgeOf(config)));
  limitConnections(app.server, config.MAX_CONNECTIONS);
  registerRouteTable(app);
  registerContext(app, { clock, log, timeoutMs: config.REQUEST_TIMEOUT_MS });
  registerJournal(app, parts.journal, clock);
  const access = openAccess(config, parts, around);
  registerAccess(app, access);
  registerTelemetry(app, {
    telemetry,
    pseudonym: (id) => parts.keyring.hmac("log-actor", id).slice(0, 16),
    mayDebug,
  });
  const drain = registerDrain(app, { clock, log, ...drainOf(config) });
  const limit = limitLoad(app, config, clientRates(parts, around));
  registerErrors(app, {
    publicUrl: config.PUBLIC_URL,
    judge: strangerLimit({ clock, refusalsPerMinute: config.REFUSALS_PER_MINUTE }),
    record: recordRefusal,
    limit,
    page: signInErrorPage,
  });
  await app.register(formbody);
  registerSessions(app);
  const tokens = accessTokens(config, parts, around);
  const jobs = registerDoors(app, {
    config,
    parts,
    around,
    tokens,
    factsOf: access.factsOf,
    auth: openSignIn(config, parts, around),
    drain,
  });
  return { app, drain, jobs };
}

interface DoorParts {
  config: Config;
  parts: Parts;
  around: Surroundings;
  tokens: AccessTokens;
  factsOf: FactsOf;
  auth: AuthDoor;
  drain: Drain;
}

function registerDoors(app: FastifyInstance, door: DoorParts): readonly JobRunner[] {
  const { config, parts, around, tokens, factsOf, auth } = door;
  const journal = journalSearch({ db: parts.store.searches, keyring: parts.keyring });
  const tokenUrl = `${config.PUBLIC_URL}/auth/token`;
  const fhirUrl = `${config.PUBLIC_URL}/fhir`;
  const fhir = openFhir(config, parts, { around, journal });
  parts.writeSignaturesThrough(fhir.repository);
  const jobs = [
    startSignatureJobs(parts, around),
    startSubscriptions(config, parts, { around, factsOf, ...fhir }),
    startDeferred(parts, { around, app, tokens }),
  ];
  app.addHook("onClose", () => Promise.all(jobs.map((one) => one.stop(config.DRAIN_SECONDS * 1000))));
  const capability = capabilityOf(fhir.providers, {
    baseUrl: fhirUrl,
    version: around.version,
    sandboxed: sandboxedSystems(config).map((system) => graded(system, around)),
    conditionalDelete: config.FHIR_CONDITIONAL_DELETE,
    ifMatchRequired: config.FHIR_IF_MATCH === "required",
    profilesOf: (type) => profilesOf(parts.terminology.guide, type),
    topics,
    securityContacts: auth.securityContacts,
    date: new Date(around.clock.now()).toISOString(),
  });
  registerTokenDoors(app, door, { tokenUrl, providers: fhir.providers });
  registerSignIn(app, auth);
  registerSigningPage(app, { door: auth.session, signingPage: signingPageOf(config, around.sandbox) });
  const keyOf = (request: FastifyRequest) => repeatKeyOf(request, parts.clients);
  registerFhir(app, {
    ...fhir,
    resigning: parts.resigning,
    personIdOf: createPersonIdOf(parts.identities),
    authenticate: (scope) => registerReaders(scope, auth.session, tokens),
    tokenUrl,
    capability,
    repeats: openRepeats(parts, around, keyOf),
    deferred: deferredDoor(config, parts, around),
  });
  registerCabinetDoor(app, door, journal);
  registerOps(app, door, capability);
  return jobs;
}

function registerTokenDoors(
  app: FastifyInstance,
  { config, parts, around, tokens }: DoorParts,
  { tokenUrl, providers }: { tokenUrl: string; providers: Providers },
): void {
  const { clients, claimOnce, practitioners } = parts;
  const check = { clients, audience: tokenUrl, claimOnce, clock: around.clock };
  registerTokenStanding(app, { check, tokens, issuer: config.PUBLIC_URL });
  registerTokenEndpoint(app, {
    check,
    tokens,
    checkGranular: (type, query) => void parseCriteria(providers, type, query),
    confirmHuman: (human, ctx) => confirmWorker(practitioners, human, ctx),
  });
}

/** How true a sandboxed system is, for who reads the CapabilityStatement: A confirmed, B reconstructed, C our design. */
function graded(system: string, { sandbox }: Surroundings): string {
  const grades = sandbox?.grades[system];
  return grades ? `${system} (grade ${grades})` : system;
}

function registerCabinetDoor(app: FastifyInstance, door: DoorParts, journal: SearchJournal): void {
  const { config, parts, around, tokens, auth } = door;
  const { clients, practitioners, organizations } = parts;
  app.register(async (cabinet) => {
    registerSessionOrBearer(cabinet, auth.session, tokens);
    registerSignatureGate(cabinet);
    const renewed = askingAgain(cabinet, (owner) => parts.dataKeys.isShredded(parts.store.db, owner));
    registerIdempotency(cabinet, { ...openRepeats(parts, around, requiredIdempotencyKeyOf), renewed });
    registerCabinet(cabinet, {
      getPractitionerRegistryCard: registryCardOperation(practitioners, `${config.PUBLIC_URL}/fhir`),
      ...meOperations(openMe(config, parts, around, auth)),
      ...consentOperations(openConsents(parts, around, auth)),
      ...mySignatureOperations({
        ...parts,
        door: auth.session,
        signingPage: signingPageOf(config, around.sandbox),
      }),
      ...myCertificateOperations({ ...parts, door: auth.session, clock: around.clock }),
      ...myActivityOperation({
        door: auth.session,
        clock: around.clock,
        signingActivity: (of) => signingActivity(parts.store.db, of),
      }),
      explainAccess: explainOperation(journal),
      listAccessHolders: holdersOperation(openHolders(config, parts, { around, auth, search: journal })),
      summarizeAccesses: summaryOperation(countJournal(parts.store.searches)),
      listMyRecords: myRecordsOperation({
        door: auth.session,
        records: createOwnRecordsOf({ db: parts.store.db, resources: parts.resources }),
      }),
      listMyAccesses: myAccessesOperation({
        door: auth.session,
        search: journal,
        pages: createAccessesPages(parts.keyring),
        names: (rows, ctx) =>
          accessNames(
            rows,
            { practitioners, organizations, clientName: (id) => clients.find(id)?.name },
            ctx,
          ),
      }),
    });
  });
}

function registerOps(app: FastifyInstance, door: DoorParts, capability: CapabilityStatement): void {
  const { config, parts, around, drain } = door;
  registerHealth(app, {
    clock: around.clock,
    version: around.version,
    ping: () => parts.store.ping(),
    draining: () => drain.draining,
    cache: () => (parts.redis ? (parts.redis.up ? "up" : "down") : "absent"),
    upstreams: () => upstreamStates(config, parts.upstream),
  });
  registerJournalHead(app, () => currentHead({ db: parts.store.db, keyring: parts.keyring }));
  registerStartPage(app, {
    publicUrl: config.PUBLIC_URL,
    version: around.version,
    signInPath: "/auth/login",
    sandbox: around.sandbox,
  });
  registerDocs(app, { openapi: cabinetSpecification(), capability });
}

const stateOfBreaker = { closed: "ok", "half-open": "degraded", open: "unavailable" } as const;

function upstreamStates(config: Config, upstream: Upstream): UpstreamState[] {
  const sandboxed = sandboxedSystems(config);
  return Object.entries(upstream.states()).map(([system, breaker]) => ({
    system,
    state: stateOfBreaker[breaker],
    sandbox: sandboxed.includes(system),
  }));
}

function limitLoad(app: FastifyInstance, config: Config, rates: ClientRates) {
  const load = watchLoad(config.OVERLOAD_MS);
  app.addHook("onClose", async () => load.stop());
  return registerLimits(app, {
    perMinute: config.RATE_LIMIT_PER_MINUTE,
    rates,
    overloaded: load.overloaded,
    https: config.PUBLIC_URL.startsWith("https://"),
  });
}

const mayDebug = ({ duties }: Actor) => duties?.includes("tracing") ?? false;

function clientRates({ redis, keyring }: Parts, { clock, telemetry }: Surroundings): ClientRates {
  const alone = telemetry.instruments.ratesAlone.of({});
  const shared = redis && {
    link: redis,
    hash: (key: string) => keyring.hmac("rate", key),
    alone: () => {
      alone.value++;
    },
  };
  return new ClientRates({ clock, shared });
}
