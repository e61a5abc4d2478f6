import type { Bundle } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import type { Position, Provider, Providers, SearchRequest } from "../../fhir/provider.ts";
import { type CompartmentOwner, inCompartment } from "../../fhir/search/compartment.ts";
import type { LinkedPage, PageLinks } from "../../fhir/search/page-link.ts";
import { providerOfTypes } from "../../fhir/search/system-search.ts";
import { type SearchAnswer, searchBundle } from "../../fhir/search.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import { formatOf, givenIn } from "../../plugins/fhir-format.ts";
import { accessesOf } from "./accesses.ts";
import type { Pairs } from "./asked.ts";
import { journalHidden } from "./hidden.ts";
import type { TypeParams } from "./paths.ts";
import { permitted, permittedMatches } from "./permitted.ts";
import { isLenient } from "./prefer.ts";
import { sendResource } from "./reply.ts";
import { narrowed, requireScopeBehind, requireSomeScope } from "./scope-gate.ts";
import { isViewName, viewPairsIn } from "./view.ts";

export interface SearchDoor {
  providers: Providers;
  pages: PageLinks;
}

/** `GET Type?...` and `POST Type/_search` (FHIR R4 3.1.0.9). */
export const answerSearch =
  (door: SearchDoor) => (request: FastifyRequest, reply: FastifyReply, provider: Provider) => {
    return answer({ door, request, ...searchedBy(provider) }, reply);
  };

/** `GET Encounter/id/Type`: in a compartment. */
export const answerCompartmentSearch =
  (door: SearchDoor, type: string) =>
  (request: FastifyRequest<{ Params: TypeParams }>, reply: FastifyReply, provider: Provider) => {
    const { owner: id } = request.params;
    return answer({ door, request, ...searchedBy(provider, { type, id }) }, reply);
  };

/** `GET ?_type=...` and `POST _search`: of several types. */
export const answerSystemSearch = (door: SearchDoor) => (request: FastifyRequest, reply: FastifyReply) => {
  const pairs = [...pairsOf(request.query), ...pairsOf(request.method === "POST" ? request.body : undefined)];
  return answer({ door, request, ...searchedByTypes(door, request, pairs) }, reply);
};

/** A search of the types that `_type` names, or that the search of a page link named. */
function searchedByTypes(door: SearchDoor, request: FastifyRequest, pairs: Pairs) {
  const linked = openedLink(door, request, pairs);
  const names = (linked?.query ?? pairs).find(([name]) => name === "_type")?.[1];
  const provider = providerOfTypes(door.providers, names);
  return { provider, path: "", types: names?.split(",") ?? [] };
}

interface Asking {
  door: SearchDoor;
  request: FastifyRequest;
  provider: Provider;
  path: string;
  types: readonly string[];
  /** in whose compartment is searched */
  owner?: CompartmentOwner;
  /** of an entry of a batch or transaction, which is no URL; absent: those of the request */
  entry?: Pairs;
}

async function answer(asking: Asking, reply: FastifyReply) {
  const format = formatOf(asking.request);
  return sendResource(asking.request, reply, await journalled(asking), format);
}

/**
 * A search that is an entry of a batch or transaction: read and within the scopes once this returns, run when the
 * result is called.
 */
export function searchOfEntry(
  door: SearchDoor,
  entry: { request: FastifyRequest; provider?: Provider; owner?: CompartmentOwner; query: Pairs },
): () => Promise<Bundle> {
  const { request, provider, owner, query } = entry;
  const searchedIn = provider ? searchedBy(provider, owner) : searchedByTypes(door, request, query);
  const asking = { door, request, ...searchedIn, entry: query };
  const asked = askedSearch(asking);
  return () => journalled(asking, asked);
}

async function journalled(asking: Asking, asked = askedSearch(asking)): Promise<Bundle> {
  const { request, provider, path } = asking;
  const { bundle } = await searched(asking, asked);
  const query = `${path}?${new URLSearchParams([...asked.pairs] as [string, string][])}`;
  await Promise.all([
    ...accessesOf(provider, bundle).map((access) => request.journal({ action: "search", query, ...access })),
    journalHidden(request, "search"),
  ]);
  return bundle;
}

interface AskedSearch extends AskedPage {
  /** with what a granular scope adds */
  narrowed: SearchRequest;
}

/** What is searched for. Throws `scope-missing` and what reading the parameters throws. */
function askedSearch(asking: Asking): AskedSearch {
  const { door, request, types } = asking;
  for (const type of types) requireSomeScope(request, type, "s");
  const asked = askedPage(asking);
  const { query } = asked;
  requireScopeBehind(request, query);
  for (const { type } of [...query.include, ...query.revinclude]) requireSomeScope(request, type, "s");
  // of several types each has its own scope, and what is found is held against it
  return { ...asked, narrowed: types.length > 1 ? query : narrowed(door.providers, request, query) };
}

async function searched(
  { door, request, provider, path, types, entry }: Asking,
  { lenient, pairs, position, query, narrowed: search }: AskedSearch,
): Promise<SearchAnswer> {
  const { providers, pages } = door;
  const { ctx } = request;
  // what a registry tells is decided by its type; a stored resource is decided on by itself
  if (!provider.indexed) await request.authorizeOne("search", { type: provider.type });
  const view = viewPairsIn(entry ? Object.fromEntries(entry) : givenIn(request));
  const ofTypes: Pairs = path === "" ? [["_type", types.join(",")]] : [];
  return searchBundle({
    providers,
    provider,
    request: { ...search, applied: [...ofTypes, ...search.applied, ...view] },
    path,
    ...(position && { position }),
    permitted: (resources) => permitted({ providers, request }, "search", resources),
    permittedMatch: permittedMatches({ providers, request }, query),
    pageUrl: (to) => {
      const token = pages.seal({ path, query: pairs, lenient, position: to }, ctx.actor);
      return `${providers.baseUrl}${path && `/${path}`}?${new URLSearchParams([["_page", token], ...view])}`;
    },
    ctx,
  });
}

interface AskedPage {
  lenient: boolean;
  pairs: LinkedPage["query"];
  query: SearchRequest;
  position?: Position;
}

/** The search of the request, or the one that its page link holds. */
function askedPage({ door, request, provider, path, owner, entry }: Asking): AskedPage {
  const { providers } = door;
  const within = owner ? { compartment: inCompartment(provider, owner) } : {};
  const inUrl = entry ? [] : [...pairsOf(request.query)];
  const inBody = entry ?? (request.method === "POST" ? [...pairsOf(request.body)] : []);
  const pairs = [...inUrl, ...inBody];
  const page = openedLink(door, request, pairs);
  if (page) {
    // a link opens nothing but the search that it was made for
    if (page.path !== path) throw new GatewayError("page-link-rejected", { field: "_page" });
    const { lenient, query: linked, position } = page;
    const query = parseSearch(providers, provider, withoutType(path, linked), { lenient, inUrl: false });
    return { lenient, pairs: linked, query: { ...query, ...within }, position };
  }
  const lenient = isLenient(request);
  parseSearch(providers, provider, withoutType(path, inUrl), { lenient, inUrl: true });
  const query = parseSearch(providers, provider, withoutType(path, pairs), { lenient, inUrl: false });
  return { lenient, pairs, query: { ...query, ...within } };
}

function openedLink(
  { pages }: SearchDoor,
  request: FastifyRequest,
  pairs: LinkedPage["query"],
): LinkedPage | undefined {
  const token = pairs.find(([name]) => name === "_page")?.[1];
  if (token === undefined) return undefined;
  refuseBesideLink(
    request,
    pairs.map(([name]) => name),
  );
  return pages.open(token, request.ctx.actor);
}

/** A link holds its whole search: throws `bad-request` for what would be left aside, unless handling is lenient. */
export function refuseBesideLink(request: FastifyRequest, names: readonly string[]): void {
  const beside = names.find((name) => name !== "_page" && !isViewName(name));
  if (beside !== undefined && !isLenient(request))
    throw new GatewayError("bad-request", {
      field: beside.slice(0, 100),
      detail: "the link of a page takes nothing but how the answer looks",
    });
}

/** Of the whole system `_type` has chosen the types already. */
const withoutType = (path: string, pairs: LinkedPage["query"]) =>
  path === "" ? pairs.filter(([name]) => name !== "_type") : pairs;

/** A search of one type, whole or in a compartment. */
const searchedBy = (provider: Provider, owner?: CompartmentOwner) => ({
  provider,
  path: owner ? `${owner.type}/${owner.id}/${provider.type}` : provider.type,
  types: [provider.type],
  owner,
});

function* pairsOf(source: unknown): Iterable<[string, string]> {
  for (const [name, value] of Object.entries((source ?? {}) as Record<string, unknown>))
    for (const one of [value].flat()) yield [name, String(one)];
}
