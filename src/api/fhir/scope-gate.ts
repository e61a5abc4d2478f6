import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { permits, queriesOf } from "../../access/scopes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Interaction, Providers, SearchRequest } from "../../fhir/provider.ts";
import { typesBehind } from "../../fhir/search/witnesses.ts";
import { parseCriteria } from "../../fhir/search-request.ts";
import { requireScope } from "../../plugins/auth.ts";

/** Letter of the scope on the type that an interaction needs (SMART App Launch 2). */
export const scopeLetters = {
  read: "r",
  vread: "r",
  "history-instance": "r",
  "history-type": "r",
  "search-type": "s",
  create: "c",
  update: "u",
  patch: "u",
  delete: "d",
} as const satisfies Record<Interaction, string>;

type Seeing = "r" | "s";

/** Throws `scope-missing` unless the token opens at least some of the type; what it opens, `inScope` tells. */
export function requireSomeScope(request: FastifyRequest, type: string, interaction: Seeing): void {
  if (request.token && queriesOf(request.token.scopes, type, interaction)) return;
  throw new GatewayError("scope-missing", { detail: `needs scope system/${type}.${interaction}` });
}

/** Throws `scope-missing` unless the token opens all of each type that the search looks at through `_has` and chains. */
export function requireScopeBehind(request: FastifyRequest, search: SearchRequest): void {
  for (const type of typesBehind(search)) requireScope(request, type, "s");
}

/** Throws `scope-missing` for a resource that no granular scope of the token finds; the usual token costs no promise. */
export function requireInScope(
  providers: Providers,
  request: FastifyRequest,
  resource: Resource,
): Promise<void> | undefined {
  if (permits(request.token?.scopes ?? [], resource.resourceType, "r")) return undefined;
  return requireFound(providers, request, resource);
}

async function requireFound(
  providers: Providers,
  request: FastifyRequest,
  resource: Resource,
): Promise<void> {
  const [isOpen] = await inScope(providers, request, { interaction: "r", resources: [resource] });
  if (!isOpen)
    throw new GatewayError("scope-missing", { detail: "outside of what the granular scope opens" });
}

/** The search with what a single granular scope asks added to it; several are left to `inScope`. */
export function narrowed(providers: Providers, request: FastifyRequest, query: SearchRequest): SearchRequest {
  const [only, ...others] = queriesOf(request.token?.scopes ?? [], query.type, "s") ?? [];
  if (only === undefined || others.length > 0) return query;
  const { criteria, has } = parseCriteria(providers, query.type, only);
  return { ...query, criteria: [...query.criteria, ...criteria], has: [...query.has, ...has] };
}

/** For each resource whether the token opens it: by its type, or by what a granular scope finds in the index. */
export async function inScope(
  providers: Providers,
  request: FastifyRequest,
  { interaction, resources }: { interaction: Seeing; resources: readonly Resource[] },
): Promise<boolean[]> {
  const open = new Set<Resource>();
  for (const type of new Set(resources.map(({ resourceType }) => resourceType))) {
    const ofType = resources.filter(({ resourceType }) => resourceType === type);
    const queries = queriesOf(request.token?.scopes ?? [], type, interaction);
    const found = queries?.length ? await foundBy(providers, request, { type, queries, ofType }) : undefined;
    for (const resource of ofType) if (queries && (!found || found.has(resource.id))) open.add(resource);
  }
  return resources.map((resource) => open.has(resource));
}

async function foundBy(
  providers: Providers,
  { ctx }: FastifyRequest,
  { type, queries, ofType }: { type: string; queries: readonly string[]; ofType: readonly Resource[] },
): Promise<Set<string | undefined>> {
  const { indexed } = providers.of(type) ?? {};
  const ids = ofType.map(({ id }) => id);
  const found = await Promise.all(
    queries.map((query) =>
      indexed?.candidates(
        parseCriteria(providers, type, `${query}&_id=${ids.join(",")}`),
        { limit: ids.length },
        ctx,
      ),
    ),
  );
  return new Set(found.flatMap((hits) => hits?.found.map(({ resource }) => resource.id) ?? []));
}
