import type { Kysely } from "kysely";
import type { Actor, RequestContext } from "../core/context.ts";
import type { ResourceKey, ResourceStore, StoredResource } from "../store/resources.ts";
import type { Schema } from "../store/schema.ts";
import type { Criterion, SearchRequest } from "./provider.ts";
import type { Hit, IndexQuery } from "./search/search-index.ts";
import type { Reach, SharedPlace } from "./search/shared-place.ts";

/** Resources of a type that lie in a tenant of their own and are found from every other; only their owner writes them. */
export interface SharedType extends SharedPlace {
  /** a search that names somebody by one of these finds everybody's, any other one what is in the caller's reach */
  foundBy: readonly string[];
  /** earlier ones are of nobody's concern yet */
  leastVersion: number;
  /** a superset of what may be shown to the actor without a stated ground; undefined: nothing may */
  reachOf(actor: Actor): Reach | undefined;
}

/**
 * What the index is asked for a search: the caller's tenant, and beside it what is shared; `own`: as what will be
 * written, in the caller's tenant only.
 */
export function queryOf(
  request: SearchRequest,
  { actor }: RequestContext,
  { shared, own = false }: { shared?: SharedType; own?: boolean } = {},
): IndexQuery {
  const types = request.types ?? [request.type];
  const isBeside = !own && shared !== undefined && types.includes(shared.type);
  return {
    tenant: actor.tenant,
    types,
    ...(isBeside && { beside: namesSomebody(request, shared) ? "everybody's" : shared.reachOf(actor) }),
    tests: [...request.criteria, ...request.has],
    sort: request.sort,
    ...(request.compartment && { compartment: request.compartment }),
  };
}

// everybody's would be looked at in vain, and journalled as hidden from who never asked for them
const namesSomebody = ({ compartment, criteria }: SearchRequest, { foundBy }: SharedType): boolean =>
  compartment !== undefined || criteria.some((criterion) => isNaming(criterion, foundBy));

const isNaming = ({ parameter, modifier, links }: Criterion, foundBy: readonly string[]): boolean =>
  foundBy.includes(parameter.name) && links === undefined && modifier !== "missing" && modifier !== "not";

export const nameOf = ({ tenant, type, id }: ResourceKey): string => `${tenant} ${type}/${id}`;

/** What was found, by `nameOf`; what can't be read is left out. */
export async function byNames(
  store: ResourceStore,
  db: Kysely<Schema>,
  { hits, leftOut }: { hits: readonly Hit[]; leftOut: () => void },
): Promise<ReadonlyMap<string, StoredResource>> {
  const places = new Map(hits.map(({ tenant, type }) => [`${tenant} ${type}`, { tenant, type }]));
  const ofPlaces = await Promise.all(
    [...places.values()].map(({ tenant, type }) => {
      const ids = hits.flatMap((hit) => (hit.tenant === tenant && hit.type === type ? hit.id : []));
      return store.byIds(db, { tenant, type, ids, leftOut });
    }),
  );
  return new Map(ofPlaces.flat().map((stored) => [nameOf(stored), stored]));
}
