import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SearchRequest } from "../../fhir/provider.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import type { AskedChange, Caller, Pairs } from "./asked.ts";

/**
 * What the criteria of a conditional interaction find (FHIR R4 3.1.0.8). Throws `bad-request` when they are none,
 * `access-denied` when the caller may not see what they find.
 */
export async function findByCriteria(
  { request, providers }: Caller,
  { provider, inUrl = false }: AskedChange,
  criteria: Pairs,
): Promise<{ search: SearchRequest; found: readonly string[] }> {
  const search = parseSearch(providers, provider, criteria, { lenient: false, inUrl });
  if (search.criteria.length === 0)
    throw new GatewayError("bad-request", {
      field: provider.type,
      detail: "a conditional interaction needs criteria",
    });
  const { value } = await provider.search(search, request.ctx);
  for (const resource of value)
    await request.authorizeOne("search", accessedOf(resource, request.ctx.actor.tenant));
  return { search, found: value.map(({ id = "" }) => id) };
}

/** The criteria in the query part of `Type?name=value&...`. */
export const pairsOfQuery = (query: string): Pairs => [...new URLSearchParams(query)];
