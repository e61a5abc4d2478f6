import type { Identifier, Resource } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import { looksAtPeople } from "../../access/search-reach.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SearchRequest } from "../../fhir/provider.ts";
import { isControl, parseSearch } from "../../fhir/search-request.ts";
import type { AskedChange, Caller, Pairs } from "./asked.ts";
import { permitted } from "./permitted.ts";
import { requireScopeBehind } from "./scope-gate.ts";

// more are neither decided on nor changed at once
const mostFound = 200;

/** What asks by criteria: an interaction, or a reference in an entry of a transaction. */
export type AskingByCriteria = Pick<AskedChange, "provider" | "inUrl" | "resource"> & {
  interaction: AskedChange["interaction"] | "reference";
};

export interface FoundByCriteria {
  search: SearchRequest;
  /** ids of all that answer to the criteria, to be asked for again before the change is written */
  found: readonly string[];
  /** ids of those that the interaction is about */
  matches: readonly string[];
}

/**
 * What the criteria of a conditional interaction find (FHIR R4 3.1.0.8). A create or an update must not be carried out
 * as if there were nothing, so what the caller may not see throws `access-denied`, unless a create finds what it names
 * itself; for the others it is left out as in a search. Throws `bad-request` for no criteria, for parameters that are none,
 * and for those that go through data of people, `stored-data-altered`, `scope-missing` for a type that they go
 * through, `search-too-broad` when more than 200 answer to them.
 */
export async function findByCriteria(
  caller: Caller,
  asked: AskingByCriteria,
  criteria: Pairs,
): Promise<FoundByCriteria> {
  const { request } = caller;
  const search = criteriaIn(caller, asked, criteria);
  const { value } = await asked.provider.search(search, request.ctx);
  if (value.length > mostFound)
    throw new GatewayError("search-too-broad", {
      field: asked.provider.type,
      detail: `criteria may find at most ${mostFound}`,
    });
  const matches = await matchesFor(caller, asked, { search, value });
  const idsOf = (resources: readonly Resource[]) => resources.map(({ id = "" }) => id);
  return { search, found: idsOf(value), matches: idsOf(matches) };
}

function criteriaIn(
  { providers, request }: Caller,
  { provider, inUrl = false }: AskingByCriteria,
  criteria: Pairs,
): SearchRequest {
  const control = criteria.find(([name]) => isControl(name))?.[0];
  if (control !== undefined)
    throw new GatewayError("bad-request", {
      field: control,
      detail: "no criterion of a conditional interaction",
    });
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
  return { ...search, count: mostFound + 1 };
}

const mustSee: ReadonlySet<AskingByCriteria["interaction"]> = new Set(["create", "update"]);

async function matchesFor(
  caller: Caller,
  asked: AskingByCriteria,
  { search, value }: { search: SearchRequest; value: readonly Resource[] },
): Promise<readonly Resource[]> {
  const { request } = caller;
  if (!mustSee.has(asked.interaction)) {
    const visible = await permitted(caller, "search", value);
    return value.filter((_, index) => visible[index]);
  }
  if (!namesItself(asked, search))
    for (const resource of value)
      await request.authorizeOne("search", accessedOf(resource, request.ctx.actor.tenant));
  return value;
}

/**
 * True for a create whose criteria are an identifier of the resource that is sent: that it exists tells the caller
 * nothing which the refusal of the create would not.
 */
export function namesItself({ interaction, resource }: AskingByCriteria, search: SearchRequest): boolean {
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
