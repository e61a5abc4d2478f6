import type { Bundle, CapabilityStatement, Resource } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AccessTokens } from "../../access/access-token.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers } from "../../fhir/provider.ts";
import { searchBundle } from "../../fhir/search.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import { registerBearerAuth, requireScope } from "../../plugins/auth.ts";
import { takeFormsOnly } from "../../plugins/forms.ts";
import type { Access } from "../../plugins/journal.ts";
import { registerOperations } from "./operations.ts";
import { formatOf, sendResource } from "./reply.ts";

export interface FhirDoor {
  providers: Providers;
  tokens: AccessTokens;
  capability: CapabilityStatement;
  tokenUrl: string;
}

/** The FHIR R4 REST door under `/fhir`: metadata is open, everything else needs a Bearer token. */
export function registerFhir(app: FastifyInstance, door: FhirDoor): void {
  app.register(
    async (fhir) => {
      registerOpenRoutes(fhir, door);
      fhir.register(async (guarded) => {
        registerBearerAuth(guarded, door.tokens);
        registerRead(guarded, door.providers);
        registerSearch(guarded, door.providers);
        registerOperations(guarded, door.providers);
      });
    },
    { prefix: "/fhir" },
  );
}

function registerOpenRoutes(app: FastifyInstance, door: FhirDoor): void {
  app.get("/metadata", (request, reply) => sendResource(request, reply, door.capability));
  app.get("/.well-known/smart-configuration", async () => ({
    token_endpoint: door.tokenUrl,
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported: ["RS384", "ES384"],
    grant_types_supported: ["client_credentials"],
    scopes_supported: door.providers.all.flatMap(scopesOf),
    capabilities: ["client-confidential-asymmetric", "permission-v2"],
  }));
}

function scopesOf({ type, operations = [] }: Provider): string[] {
  const ofOperations = operations.flatMap(({ needs, traceNeeds }) => [needs ?? [], traceNeeds ?? []].flat());
  const letters = [...new Set(ofOperations)].filter((letter) => !"rs".includes(letter));
  return [`system/${type}.rs`, ...letters.map((letter) => `system/${type}.${letter}`)];
}

function registerRead(app: FastifyInstance, providers: Providers): void {
  app.get<{ Params: { type: string; id: string } }>("/:type/:id", async (request, reply) => {
    const { type, id } = request.params;
    const provider = providerOf(providers, type);
    requireScope(request, type, "r");
    request.authorize("read", { type });
    const format = formatOf(request);
    const { value } = await provider.read(id, request.ctx);
    await request.journal({
      action: "read",
      resourceType: type,
      resourceId: id,
      subject: personOf(value),
    });
    return sendResource(request, reply, value, format);
  });
}

function registerSearch(app: FastifyInstance, providers: Providers): void {
  app.get<{ Params: { type: string } }>("/:type", (request, reply) =>
    search(request, reply, providerOf(providers, request.params.type), providers),
  );
  app.register(async (scope) => {
    takeFormsOnly(scope);
    scope.post<{ Params: { type: string } }>("/:type/_search", (request, reply) =>
      search(request, reply, providerOf(providers, request.params.type), providers),
    );
  });
}

async function search(
  request: FastifyRequest,
  reply: FastifyReply,
  provider: Provider,
  providers: Providers,
) {
  requireScope(request, provider.type, "s");
  const lenient = /handling\s*=\s*lenient/.test(String(request.headers.prefer ?? ""));
  const inUrl = [...pairsOf(request.query)];
  const inBody = request.method === "POST" ? [...pairsOf(request.body)] : [];
  parseSearch(providers, provider, inUrl, { lenient, inUrl: true });
  const query = parseSearch(providers, provider, [...inUrl, ...inBody], { lenient, inUrl: false });
  for (const { type } of [...query.include, ...query.revinclude]) {
    requireScope(request, type, "s");
    request.authorize("search", { type });
  }
  request.authorize("search", { type: provider.type });
  const format = formatOf(request);
  const { bundle } = await searchBundle(providers, provider, query, request.ctx);
  await Promise.all(
    accessesOf(provider, bundle).map((access) => request.journal({ action: "search", ...access })),
  );
  return sendResource(request, reply, bundle, format);
}

/** A row for each resource that tells of a person; a search that brought none is a row too. */
function accessesOf({ type }: Provider, { entry = [] }: Bundle): Omit<Access, "action">[] {
  const resources = entry.flatMap(({ resource, search }) =>
    resource && search?.mode !== "outcome" ? [resource] : [],
  );
  const personal = resources.flatMap((resource) => {
    const subject = personOf(resource);
    return subject ? [{ resourceType: resource.resourceType, resourceId: resource.id, subject }] : [];
  });
  const [only, ...others] = resources;
  return personal.length
    ? personal
    : [{ resourceType: type, resourceId: others.length ? undefined : only?.id }];
}

/** Logical id of the person whom the resource is about, for the journal. */
function personOf(resource: Resource): string | undefined {
  if (resource.resourceType === "Practitioner") return resource.id;
  if (resource.resourceType !== "PractitionerRole") return undefined;
  return resource.practitioner?.reference?.split("/").at(-1);
}

function* pairsOf(source: unknown): Iterable<[string, string]> {
  for (const [name, value] of Object.entries((source ?? {}) as Record<string, unknown>))
    for (const one of [value].flat()) yield [name, String(one)];
}

function providerOf(providers: Providers, type: string): Provider {
  const provider = providers.of(type);
  // whatever else stands there may be a person's name
  if (!provider) throw new GatewayError("unsupported-type", { field: typeName.test(type) ? type : "type" });
  return provider;
}

const typeName = /^[A-Z][A-Za-z]{1,40}$/;
