import type { Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ChainLink, Criterion, Position, Providers, ReverseChain, SearchRequest } from "../provider.ts";
import { keyOf } from "./includes.ts";
import type { Permitted } from "./page.ts";
import { plainSearch } from "./plain-search.ts";
import { referencesBy } from "./reference.ts";

type Test = Criterion | ReverseChain;

/** Tests that look at other resources than the match itself: `_has` and chains. */
export const testsBehind = ({ criteria, has }: Pick<SearchRequest, "criteria" | "has">): readonly Test[] => [
  ...criteria.filter(({ links }) => links),
  ...has,
];

/** Types that a search looks at through `_has` and chains, those of the matches left out. */
export const typesBehind = (search: Pick<SearchRequest, "criteria" | "has">): ReadonlySet<string> =>
  new Set(testsBehind(search).flatMap(typesOf));

function typesOf(test: Test): string[] {
  if ("test" in test) return [test.type, ...typesOf(test.test)];
  return (test.links ?? []).flatMap(({ type, criterion }) => [type, ...typesOf(criterion)]);
}

export interface WitnessAsk {
  providers: Providers;
  permitted: Permitted;
  ctx: RequestContext;
}

const batch = 200;
const mostLookedAt = 5_000;

/**
 * Keys of the resources that meet each test by something that the caller may see; what only a hidden resource would
 * tell is told of none. Throws `search-too-broad` when too much had to be looked at in vain.
 */
export async function witnessed(
  ask: WitnessAsk,
  tests: readonly Test[],
  resources: readonly Resource[],
): Promise<ReadonlySet<string>> {
  let left = resources;
  for (const test of tests) {
    if (left.length === 0) break;
    const met = "test" in test ? await referredTo(ask, test, left) : await referring(ask, test, left);
    left = left.filter((resource) => met.has(keyOf(resource)));
  }
  return new Set(left.map(keyOf));
}

/** Of resources that meet a test by the index: those that may be seen, and what they in turn met it by. */
async function seen(ask: WitnessAsk, test: Test, resources: readonly Resource[]): Promise<Resource[]> {
  const allowed = await ask.permitted(resources);
  const open = resources.filter((_, index) => allowed[index]);
  if ("values" in test && !test.links) return open;
  const met = await witnessed(ask, [test], open);
  return open.filter((resource) => met.has(keyOf(resource)));
}

/** Those of the resources that one which may be seen refers to. */
async function referredTo(
  ask: WitnessAsk,
  { type, reference, test }: ReverseChain,
  resources: readonly Resource[],
): Promise<ReadonlySet<string>> {
  const { providers, ctx } = ask;
  const waiting = new Set(resources.map(keyOf));
  let position: Position | undefined;
  for (let looked = 0; waiting.size > 0; looked += batch) {
    if (looked >= mostLookedAt) throw tooBroad(type, reference.name);
    const search = plainSearch(type, [{ parameter: reference, values: [...waiting] }, test]);
    const hits = await providers.of(type)?.indexed?.candidates(search, { position, limit: batch }, ctx);
    const found = hits?.found.map(({ resource }) => resource) ?? [];
    for (const one of await seen(ask, test, found))
      for (const key of referencesBy(reference, one, providers.baseUrl)) waiting.delete(key);
    if (!hits?.more || hits.lastAt === undefined) break;
    position = { direction: "after", at: hits.lastAt };
  }
  return new Set(resources.map(keyOf).filter((key) => !waiting.has(key)));
}

/** Those of the resources that refer to one which may be seen. */
async function referring(
  ask: WitnessAsk,
  { parameter: { name }, links = [] }: Criterion,
  resources: readonly Resource[],
): Promise<ReadonlySet<string>> {
  const { providers } = ask;
  const targetsOf = (resource: Resource): string[] => {
    const parameters = providers.of(resource.resourceType)?.searchParameters;
    const own = parameters?.find((parameter) => parameter.name === name);
    return referencesBy(own, resource, providers.baseUrl);
  };
  const keys = [...new Set(resources.flatMap(targetsOf))];
  const open = new Set<string>();
  for (const link of links) for (const key of await seenOf(ask, link, keys)) open.add(key);
  return new Set(resources.filter((resource) => targetsOf(resource).some((key) => open.has(key))).map(keyOf));
}

async function seenOf(
  ask: WitnessAsk,
  { type, criterion }: ChainLink,
  keys: readonly string[],
): Promise<string[]> {
  const { indexed, searchParameters = [] } = ask.providers.of(type) ?? {};
  const byId = searchParameters.find(({ name }) => name === "_id");
  const ids = keys.filter((key) => key.startsWith(`${type}/`)).map((key) => key.slice(type.length + 1));
  const open: string[] = [];
  for (let from = 0; byId && from < ids.length; from += batch) {
    const search = plainSearch(type, [{ parameter: byId, values: ids.slice(from, from + batch) }, criterion]);
    const hits = await indexed?.candidates(search, { limit: batch }, ask.ctx);
    const found = hits?.found.map(({ resource }) => resource) ?? [];
    open.push(...(await seen(ask, criterion, found)).map(keyOf));
  }
  return open;
}

const tooBroad = (type: string, by: string) =>
  new GatewayError("search-too-broad", {
    field: `_has:${type}:${by}`,
    detail: `more than ${mostLookedAt} resources of which none may be seen`,
  });
