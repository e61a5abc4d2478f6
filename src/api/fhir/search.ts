import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { permits } from "../../access/scopes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Position, Provider, Providers, SearchRequest } from "../../fhir/provider.ts";
import { inCompartment } from "../../fhir/search/compartment.ts";
import type { LinkedPage, PageLinks } from "../../fhir/search/page-link.ts";
import { type SearchAnswer, searchBundle } from "../../fhir/search.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import { requireScope } from "../../plugins/auth.ts";
import { accessesOf } from "./accesses.ts";
import { formatOf, sendResource } from "./reply.ts";

export interface SearchDoor {
  providers: Providers;
  pages: PageLinks;
}

/** `GET Type?...`, `POST Type/_search` and `GET Patient/id/Type` (FHIR R4 3.1.0.9). */
export const answerSearch =
  (door: SearchDoor) => async (request: FastifyRequest, reply: FastifyReply, provider: Provider) => {
    requireScope(request, provider.type, "s");
    const format = formatOf(request);
    const { bundle } = await searched(door, request, provider);
    await Promise.all(
      accessesOf(provider, bundle).map((access) => request.journal({ action: "search", ...access })),
    );
    return sendResource(request, reply, bundle, format);
  };

async function searched(
  door: SearchDoor,
  request: FastifyRequest,
  provider: Provider,
): Promise<SearchAnswer> {
  const { providers, pages } = door;
  const { ctx } = request;
  const { query, position, ...page } = askedPage(door, request, provider);
  for (const { type } of [...query.include, ...query.revinclude]) requireScope(request, type, "s");
  // what a registry tells is decided by its type; a stored resource is decided on by itself
  if (!provider.indexed) request.authorize("search", { type: provider.type });
  return searchBundle({
    providers,
    provider,
    request: query,
    ...(position && { position }),
    permitted: (resources) => permitted(request, resources),
    pageUrl: (to) =>
      `${providers.baseUrl}/${page.path}?_page=${pages.seal({ ...page, query: page.pairs, position: to }, ctx.actor)}`,
    ctx,
  });
}

/** Scope first: what the token does not open is left out without a decision. */
async function permitted(request: FastifyRequest, resources: readonly Resource[]): Promise<boolean[]> {
  const { token, ctx } = request;
  const inScope = resources.map(
    ({ resourceType }) => token !== undefined && permits(token.scopes, resourceType, "s"),
  );
  const open = resources.filter((_, index) => inScope[index]);
  const decisions = await request.authorizeAll(
    "search",
    open.map((resource) => accessedOf(resource, ctx.actor.tenant)),
  );
  const allowed = new Set(open.filter((_, index) => decisions[index]?.permit));
  return resources.map((resource) => allowed.has(resource));
}

interface AskedPage {
  path: string;
  lenient: boolean;
  pairs: LinkedPage["query"];
  query: SearchRequest;
  position?: Position;
}

/** The search of the request, or the one that its page link holds. */
function askedPage({ providers, pages }: SearchDoor, request: FastifyRequest, provider: Provider): AskedPage {
  const { id: patient, compartment } = (request.params ?? {}) as { id?: string; compartment?: string };
  const path = compartment === undefined ? provider.type : `Patient/${patient}/${compartment}`;
  const within = compartment === undefined ? {} : { compartment: inCompartment(provider, patient ?? "") };
  const inUrl = [...pairsOf(request.query)];
  const link = inUrl.find(([name]) => name === "_page");
  if (link) {
    const page = pages.open(link[1], request.ctx.actor);
    // a link opens nothing but the search that it was made for
    if (page.path !== path) throw new GatewayError("page-link-rejected", { field: "_page" });
    const query = parseSearch(providers, provider, page.query, { lenient: page.lenient, inUrl: false });
    return {
      path,
      lenient: page.lenient,
      pairs: page.query,
      query: { ...query, ...within },
      position: page.position,
    };
  }
  const lenient = /handling\s*=\s*lenient/.test(String(request.headers.prefer ?? ""));
  const inBody = request.method === "POST" ? [...pairsOf(request.body)] : [];
  parseSearch(providers, provider, inUrl, { lenient, inUrl: true });
  const pairs = [...inUrl, ...inBody];
  const query = parseSearch(providers, provider, pairs, { lenient, inUrl: false });
  return { path, lenient, pairs, query: { ...query, ...within } };
}

function* pairsOf(source: unknown): Iterable<[string, string]> {
  for (const [name, value] of Object.entries((source ?? {}) as Record<string, unknown>))
    for (const one of [value].flat()) yield [name, String(one)];
}
