import type { CapabilityStatement } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyReply } from "fastify";
import { offers, type Provider } from "../../fhir/provider.ts";
import type { Repository } from "../../fhir/repository.ts";
import { compartmentTypes } from "../../fhir/search/compartment.ts";
import { takeFormsOnly } from "../../plugins/forms.ts";
import { type IdempotencySettings, registerIdempotency } from "../../plugins/idempotency.ts";
import type { AskedChange, Caller, WriteRules } from "./asked.ts";
import { answerBinary } from "./binary.ts";
import { answerBundle } from "./bundle.ts";
import { answeredOrDeferred, type DeferredDoor, registerDeferred } from "./deferred.ts";
import { answerHistory, answerSystemHistory } from "./history.ts";
import { registerOperations } from "./operations.ts";
import { type Answering, onOwnPath, onTypePath, type Ways } from "./paths.ts";
import { answerRead } from "./read.ts";
import { renewedBy } from "./renewed-answer.ts";
import { sendResource } from "./reply.ts";
import { takeAnyBody } from "./resource-body.ts";
import { scopeLetters } from "./scope-gate.ts";
import { answerCompartmentSearch, answerSearch, answerSystemSearch, type SearchDoor } from "./search.ts";
import { answerWrite } from "./write.ts";

export interface WriteSettings {
  rules: WriteRules;
  /** of a resource or Bundle that is sent */
  maxBodyBytes: number;
}

export interface FhirDoor extends WriteSettings, SearchDoor {
  repository: Repository;
  /** judges changes of signed documents; absent: nothing here is signed */
  resigning?: Caller["resigning"];
  personIdOf?: Caller["personIdOf"];
  /** lets callers of a scope in, each with a token or what stands for one */
  authenticate(scope: FastifyInstance): void;
  capability: CapabilityStatement;
  tokenUrl: string;
  /** answers to changes that a client may repeat */
  repeats: Omit<IdempotencySettings, "renewed">;
  /** absent: whoever prefers to be answered later is answered at once */
  deferred?: DeferredDoor;
}

/** The FHIR R4 REST door under `/fhir`: metadata is open, everything else needs a Bearer token or a worker's session. */
export function registerFhir(app: FastifyInstance, door: FhirDoor): void {
  app.register(
    async (fhir) => {
      registerOpenRoutes(fhir, door);
      fhir.register(async (guarded) => {
        door.authenticate(guarded);
        registerIdempotency(guarded, { ...door.repeats, renewed: renewedBy(door.providers) });
        registerTypes(guarded, door);
        registerOperations(guarded, door);
        if (door.deferred) registerDeferred(guarded, door.deferred);
      });
    },
    { prefix: "/fhir" },
  );
}

function registerOpenRoutes(app: FastifyInstance, door: FhirDoor): void {
  const { capability } = door;
  onOwnPath(app, "/metadata", { GET: (request, reply) => sendResource(request, reply, capability) });
  const configuration = smartConfigurationOf(door);
  onOwnPath(app, "/.well-known/smart-configuration", { GET: async () => configuration });
}

const smartConfigurationOf = ({ tokenUrl, providers }: FhirDoor) => ({
  token_endpoint: tokenUrl,
  introspection_endpoint: tokenUrl.replace(/token$/, "introspect"),
  revocation_endpoint: tokenUrl.replace(/token$/, "revoke"),
  token_endpoint_auth_methods_supported: ["private_key_jwt"],
  token_endpoint_auth_signing_alg_values_supported: ["RS384", "ES384"],
  grant_types_supported: ["client_credentials"],
  // SMART App Launch 2 demands it of every server, also of one without an authorization endpoint
  code_challenge_methods_supported: ["S256"],
  scopes_supported: providers.all.flatMap(scopesOf),
  capabilities: ["client-confidential-asymmetric", "permission-v2"],
});

function scopesOf(provider: Provider): string[] {
  const { type, operations = [] } = provider;
  const ofOperations = operations.flatMap(({ needs, traceNeeds }) => [needs ?? [], traceNeeds ?? []].flat());
  const offered = (["create", "read", "update", "delete", "search-type"] as const).filter((interaction) =>
    offers(provider, interaction),
  );
  const own = offered.map((interaction) => scopeLetters[interaction]).join("");
  const letters = [...new Set(ofOperations)].filter((letter) => !own.includes(letter));
  return [`system/${type}.${own}`, ...letters.map((letter) => `system/${type}.${letter}`)];
}

function registerTypes(app: FastifyInstance, door: FhirDoor): void {
  const { providers, maxBodyBytes } = door;
  const search = deferrable(door, answerSearch(door));
  const systemSearch = deferrable(door, answerSystemSearch(door));
  app.register(async (any) => {
    takeAnyBody(any);
    registerResources(any, door, search);
    registerReads(any, door);
    onOwnPath(any, "/", { GET: systemSearch, POST: answerBundle(door) }, { bodyLimit: maxBodyBytes });
    onOwnPath(any, "/_history", { GET: deferrable(door, answerSystemHistory(door)) });
  });
  app.register(async (forms) => {
    takeFormsOnly(forms);
    onTypePath(forms, { providers }, "/:type/_search", { POST: ["search-type", search] });
    onOwnPath(forms, "/_search", { POST: systemSearch });
  });
}

function registerResources(app: FastifyInstance, door: FhirDoor, search: Answering): void {
  const on = (url: string, ways: Ways) => onTypePath(app, door, url, ways);
  const write = (interaction: AskedChange["interaction"]) =>
    [interaction, answerWrite(door, interaction)] as const;
  const changes = { PUT: write("update"), PATCH: write("patch"), DELETE: write("delete") };
  on("/:type", { GET: ["search-type", search], POST: write("create"), ...changes });
  on("/:type/:id", { GET: ["read", answerOne(door)], ...changes });
}

/** Paths below a resource that are only read. */
function registerReads(app: FastifyInstance, door: FhirDoor): void {
  const on = (url: string, ways: Ways) => onTypePath(app, door, url, ways);
  const history = deferrable(door, answerHistory(door));
  on("/:type/_history", { GET: ["history-type", history] });
  on("/:type/:id/_history", { GET: ["history-instance", history] });
  on("/:type/:id/_history/:version", { GET: ["vread", answerOne(door)] });
  for (const owner of compartmentTypes) {
    const within = deferrable(door, answerCompartmentSearch(door, owner));
    // a capital letter: _history and operations have paths of their own
    on(`/${owner}/:owner/:type(^[A-Z][A-Za-z]+$)`, { GET: ["search-type", within] });
  }
}

function answerOne({ providers }: FhirDoor): Answering {
  const [read, binary] = [answerRead(providers), answerBinary(providers)];
  return (...call) => (call[2].type === "Binary" ? binary : read)(...call);
}

/** An answer that may be put off when the caller prefers so. */
const deferrable =
  <Rest extends unknown[]>(
    { providers: { baseUrl }, deferred }: FhirDoor,
    answer: (request: TypeRequest, reply: FastifyReply, ...rest: Rest) => unknown,
  ) =>
  (request: TypeRequest, reply: FastifyReply, ...rest: Rest) =>
    answeredOrDeferred({ baseUrl, deferred, request, reply }, () => answer(request, reply, ...rest));

type TypeRequest = Parameters<Answering>[0];
