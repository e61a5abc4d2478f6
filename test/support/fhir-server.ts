import formbody from "@fastify/formbody";
import type { Bundle, OperationOutcome, Resource } from "@medplum/fhirtypes";
import Fastify, { type FastifyInstance } from "fastify";
import type { AccessAction, AccessedResource } from "../../src/access/access-facts.ts";
import { AccessTokens, type TokenGrant } from "../../src/access/access-token.ts";
import type { Client, ClientRegistry } from "../../src/access/clients.ts";
import type { Decision } from "../../src/access/decide.ts";
import { permitReasons, refusalReasons } from "../../src/access/reasons.ts";
import { carryingOut, type DeferredRun } from "../../src/api/fhir/deferred-run.ts";
import { repeatKeyOf } from "../../src/api/fhir/repeat-key.ts";
import { type FhirDoor, registerFhir, type WriteSettings } from "../../src/api/fhir/routes.ts";
import { type Clock, ManualClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring, type Keyring } from "../../src/crypto/keyring.ts";
import { capabilityOf } from "../../src/fhir/capability.ts";
import { storedOperations } from "../../src/fhir/operations/stored-operations.ts";
import { type Operation, type Provider, Providers } from "../../src/fhir/provider.ts";
import { Repository, type RepositoryParts } from "../../src/fhir/repository.ts";
import { PageLinks } from "../../src/fhir/search/page-link.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import type { SearchTerminology } from "../../src/fhir/search/terminology.ts";
import { storedProvider } from "../../src/fhir/stored-provider.ts";
import { storedTypes } from "../../src/fhir/stored-types.ts";
import { createValidator } from "../../src/fhir/validation/validator.ts";
import type { SubscriptionOperationParts } from "../../src/flows/subscriptions/operations.ts";
import { registerBearerAuth } from "../../src/plugins/auth.ts";
import { registerContext } from "../../src/plugins/context.ts";
import { registerErrors } from "../../src/plugins/errors.ts";
import { registerJournal } from "../../src/plugins/journal.ts";
import { serverOptions } from "../../src/plugins/server-options.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { openDatabase } from "../../src/store/database.ts";
import { DeferredRequests } from "../../src/store/deferred-requests.ts";
import { IdempotencyKeys } from "../../src/store/idempotency.ts";
import { Journal } from "../../src/store/journal.ts";
import type { JournalRow } from "../../src/store/journal-format.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { databaseOfRun } from "./database.ts";
import { revocationsInMemory } from "./revocations.ts";

const tenant = "1.2.643.5.1.13.13.12.2.77.90001";

interface FhirServerSettings extends Partial<Omit<WriteSettings, "rules">> {
  rules?: Partial<WriteSettings["rules"]>;
  /** absent: the embedded database when `dataDir` is given, or else a fresh one of the test run */
  databaseUrl?: string;
  /** of the embedded database; `memory://` keeps it in memory */
  dataDir?: string;
  /** beside the stored types */
  providers?: readonly Provider[];
  validate?: RepositoryParts["validate"];
  /** of `:in`, `:above` and `:below`; absent: knows nothing */
  terminology?: SearchTerminology;
  /** told of each change in its transaction */
  onChange?: (keyring: Keyring, clock: Clock) => RepositoryParts["onChange"];
  /** journal rows go to the database, not to `journal` */
  durableJournal?: boolean;
  /** what the clock shows at first */
  startMs?: number;
  /** absent: one of its own */
  clock?: ManualClock;
  /** of stored types, beside those that need nothing but the store */
  operations?(parts: SubscriptionOperationParts): Readonly<Record<string, readonly Operation[]>>;
  /** put on every provider */
  withEach?(provider: Provider): Provider;
  /** the client's X-Request-ID stands for an Idempotency-Key */
  repeatsByRequestId?: boolean;
  /** whether the worker whom a deferred request named still holds the post; absent: they do */
  confirmHuman?: DeferredRun["confirmHuman"];
  /** the logical id that a person has already; absent: none has */
  personIdOf?: FhirDoor["personIdOf"];
  /** what decide() would refuse; absent: nothing */
  refuses?(action: AccessAction, resource: AccessedResource): boolean;
}

export interface Answer<T = Resource> {
  status: number;
  headers: Headers;
  text: string;
  body: T;
}

export type FhirServer = Awaited<ReturnType<typeof startFhirServer>>;

/** The FHIR door alone on a socket, over a real store, with access decided by the test. */
export async function startFhirServer(settings: FhirServerSettings = {}) {
  const { clock = new ManualClock(settings.startMs) } = settings;
  const baseUrl = "http://here.example/fhir";
  const { databaseUrl, dataDir } = settings;
  const database = databaseUrl ?? (dataDir === undefined ? await databaseOfRun() : undefined);
  const store = await openDatabase({ url: database, dataDir: dataDir ?? "memory://" });
  const keyring = createKeyring(new Uint8Array(32).fill(7));
  const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock });
  const validator = createValidator();
  const repository = new Repository({
    db: store.db,
    searches: store.searches,
    store: new ResourceStore({ dataKeys, clock }),
    index: new SearchIndex({ keyring, clock, baseUrl, terminology: settings.terminology }),
    validate: settings.validate ?? (async (resource) => validator.validate(resource)),
    onChange: settings.onChange?.(keyring, clock) ?? [],
  });
  const app = Fastify(serverOptions({ publicUrl: "http://here.example", timeoutMs: 30_000 }));
  await app.register(formbody);
  const journal: JournalRow[] = [];
  registerContext(app, { clock, log: silentLogger, timeoutMs: 30_000 });
  const sink = settings.durableJournal
    ? new Journal({ pool: store.pool, keyring })
    : {
        append: async (row: JournalRow) => void journal.push(row),
        appendIn: async (_trx: unknown, rows: readonly JournalRow[]) => void journal.push(...rows),
      };
  registerJournal(app, sink, clock);
  registerErrors(app, { publicUrl: "http://here.example" });
  allowAllBut(app, settings.refuses ?? (() => false));
  const pages = new PageLinks({ keyring, clock });
  const operations = {
    ...storedOperations({ repository, providers: () => providers, pages, baseUrl, clock }),
    ...settings.operations?.({ db: store.db, repository, clock, baseUrl }),
  };
  const stored: Provider[] = storedTypes.map((row) => ({
    ...storedProvider(repository, row),
    operations: operations[row.type],
  }));
  const all = [...(settings.providers ?? []), ...stored];
  const providers = new Providers(baseUrl, settings.withEach ? all.map(settings.withEach) : all);
  const { repeatsByRequestId } = settings;
  const mis = {
    clientId: "mis",
    name: "mis",
    tenant,
    scopes: ["system/*.cruds"],
    jwks: { keys: [] },
    repeatsByRequestId,
  };
  const registered = new Map<string, Client>([[mis.clientId, mis]]);
  const clients: ClientRegistry = { find: (id) => registered.get(id) };
  const requests = new DeferredRequests({
    ...{ db: store.db, keyring, dataKeys, clock },
    keptMs: 3_600_000,
    mostPerClient: 4,
  });
  const tokens = new AccessTokens({
    key: keyring.derive("access-token"),
    issuer: "http://here.example",
    audience: baseUrl,
    lifeSeconds: 3_600,
    clock,
    revocations: revocationsInMemory(clock),
  });
  registerFhir(app, {
    providers,
    repository,
    personIdOf: settings.personIdOf,
    pages,
    authenticate: (scope) => registerBearerAuth(scope, tokens),
    tokenUrl: "http://here.example/auth/token",
    capability: capabilityOf(providers, {
      baseUrl,
      version: "test",
      sandboxed: [],
      conditionalDelete: "single",
      ifMatchRequired: settings.rules?.ifMatchRequired ?? true,
      profilesOf: () => [],
      topics: [],
      date: "2026-11-22",
    }),
    rules: { ifMatchRequired: true, deletesMany: false, bundleEntries: 200, ...settings.rules },
    maxBodyBytes: settings.maxBodyBytes ?? 1 << 20,
    deferred: { requests, db: store.db, clock, runMs: 600_000 },
    repeats: {
      keys: new IdempotencyKeys({ db: store.db, keyring, clock, leaseMs: 60_000 }),
      clock,
      keyOf: (request) => repeatKeyOf(request, clients),
      forget: async () => {},
    },
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const tokenFor = async (scope: string, grant: Partial<TokenGrant> = {}) =>
    (await tokens.issue({ clientId: "mis", tenant, ...grant }, scope.split(" "))).access_token;
  const carryOut = carryingOut({
    ...{ app, tokens, clients, clock, log: silentLogger },
    confirmHuman: settings.confirmHuman ?? (async () => {}),
  });
  const everything = await tokenFor("system/*.cruds");

  async function call<T = Resource>(
    method: string,
    path: string,
    given: CallDetails = {},
  ): Promise<Answer<T>> {
    const { body, headers = {}, token = everything } = given;
    const isJson = body !== undefined && typeof body !== "string";
    const answer = await fetch(`${url}/fhir${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(isJson && { "content-type": "application/fhir+json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : body }),
    });
    const text = await answer.text();
    const isJsonAnswer = answer.headers.get("content-type")?.includes("json");
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      body: (text && isJsonAnswer ? JSON.parse(text) : undefined) as T,
    };
  }
  return {
    app,
    url,
    baseUrl,
    clock,
    store,
    dataKeys,
    journal,
    repository,
    tokenFor,
    tokens,
    registered,
    deferred: requests,
    carryOut,
    token: everything,
    call,
    close: async () => {
      await app.close();
      await store.close();
    },
  };
}

interface CallDetails {
  body?: unknown;
  headers?: Record<string, string>;
  token?: string;
}

function allowAllBut(app: FastifyInstance, refuses: NonNullable<FhirServerSettings["refuses"]>): void {
  const decided = (action: AccessAction, resource: AccessedResource) => {
    if (refuses(action, resource)) throw new GatewayError("access-denied", { field: resource.type });
  };
  app.decorateRequest("grounds", undefined);
  app.decorateRequest("refusedSubject", undefined);
  app.decorateRequest("authorize", decided);
  app.decorateRequest("authorizeOne", async (action, resource) => decided(action, resource));
  app.decorateRequest("authorizeAll", async (action, resources) =>
    resources.map((resource) => decisionOf(!refuses(action, resource))),
  );
}

const decisionOf = (permit: boolean): Decision =>
  permit
    ? { permit, reason: permitReasons["own-data"], alert: false }
    : { permit, reason: refusalReasons["no-ground"], missing: [] };

/** The code of our error table in an outcome. */
export const codeOf = (answer: Answer<unknown>): string | undefined =>
  (answer.body as OperationOutcome | undefined)?.issue?.[0]?.details?.coding?.[0]?.code;

export const resourcesIn = (bundle: Bundle): Resource[] =>
  (bundle.entry ?? []).flatMap(({ resource }) => resource ?? []);
