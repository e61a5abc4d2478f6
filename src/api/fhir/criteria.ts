import type { Identifier } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SearchRequest } from "../../fhir/provider.ts";
import { parseSearch } from "../../fhir/search-request.ts";
import type { AskedChange, Caller, Pairs } from "./asked.ts";
import { looksAtPeople } from "./permitted.ts";
import { requireScopeBehind } from "./scope-gate.ts";

/**
 * What the criteria of a conditional interaction find (FHIR R4 3.1.0.8). Throws `bad-request` when they are none or go
 * through data of people, `scope-missing` for a type that they go through, `access-denied` when the caller may not see what they find, unless a create finds what it names itself.
 */
export async function findByCriteria(
  { request, providers }: Caller,
  asked: AskedChange,
  criteria: Pairs,
): Promise<{ search: SearchRequest; found: readonly string[] }> {
  const { provider, inUrl = false } = asked;
  const search = parseSearch(providers, provider, criteria, { lenient: false, inUrl });
  if (search.criteria.length === 0)
    throw new GatewayError("bad-request", {
      field: provider.type,
      detail: "a conditional interaction needs criteria",
    });
  requireScopeBehind(request, search);
  // whether it finds something is told by what is then written, so there is nobody to hide a match from
  if (looksAtPeople(search))
    throw new GatewayError("bad-request", {
      field: provider.type,
      detail: "the criteria of a conditional interaction do not go through the data of people: search first",
    });
  const { value } = await provider.search(search, request.ctx);
  if (!namesItself(asked, search))
    for (const resource of value)
      await request.authorizeOne("search", accessedOf(resource, request.ctx.actor.tenant));
  return { search, found: value.map(({ id = "" }) => id) };
}

/**
 * True for a create whose criteria are an identifier of the resource that is sent: that it exists tells the caller
 * nothing which the refusal of the create would not.
 */
export function namesItself({ interaction, resource }: AskedChange, search: SearchRequest): boolean {
  const { identifier } = (resource ?? {}) as { identifier?: unknown };
  const own = ([identifier].flat() as (Identifier | undefined)[]).flatMap((one) =>
    one?.system && one.value ? `${one.system}|${one.value}` : [],
  );
  return (
    interaction === "create" &&
    search.has.length === 0 &&
    search.criteria.every(
      ({ parameter, modifier, chain, links, values: [value = "", ...others] }) =>
        parameter.name === "identifier" &&
        modifier === undefined &&
        chain === undefined &&
        links === undefined &&
        others.length === 0 &&
        own.includes(value),
    )
  );
}

/** The criteria in the query part of `Type?name=value&...`. */
export const pairsOfQuery = (query: string): Pairs => [...new URLSearchParams(query)];
