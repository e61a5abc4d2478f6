import { GatewayError } from "../core/errors.ts";
import type { Criterion, Provider, Providers, ReverseChain, SearchRequest } from "./provider.ts";
import { personalName, readCriterion, refusePersonal, valuesOf } from "./search/criterion.ts";
import { isInclusion, readInclusions } from "./search/inclusion.ts";
import { readReverseChain } from "./search/reverse-chain.ts";
import { readSort } from "./search/sort.ts";

export interface SearchHandling {
  lenient: boolean;
  /** the parameters came in the URL, where personal identifiers are refused */
  inUrl: boolean;
}

/** What says how the answer looks, not what is found; the door reads those that are not read here. */
const controls = new Set(
  "_include _revinclude _include:iterate _revinclude:iterate _include:recurse _revinclude:recurse _sort _count _total _format _pretty _summary _elements _page".split(
    " ",
  ),
);
export const isControl = (name: string): boolean => controls.has(name);

const mostEntries = 200;
const usualEntries = 50;
// each value may be a call of its own to a registry; the index takes more
const mostValues = { registry: 20, index: 200 };
const mostParameters = 60;

type Pair = readonly [name: string, value: string];

/** A parameter with what it tests; undefined when it is left out. */
interface Read {
  name: string;
  value: string;
  test: Criterion | ReverseChain | undefined;
}

/**
 * Reads search parameters of one type. Throws GatewayError `unknown-parameter` (strict handling),
 * `identifier-in-url` for a personal value in the URL, `bad-request` for a malformed parameter, a modifier that is
 * not supported, a control parameter that comes twice, and more than 60 parameters, 20 values of one (200 of an indexed
 * type's) or 10 inclusions.
 */
export function parseSearch(
  providers: Providers,
  provider: Provider,
  query: Iterable<Pair>,
  handling: SearchHandling,
): SearchRequest {
  const pairs = bounded(query);
  const control = pairs.filter(([name]) => controls.has(name));
  refuseRepeated(control);
  const read = pairs
    .filter(([name]) => !controls.has(name))
    .map((pair) => ({ name: pair[0], value: pair[1], test: testOf(providers, provider, pair, handling) }));
  const sort = readSort(provider, control.find(([name]) => name === "_sort")?.[1]);
  const included = readInclusions(providers, provider, control, handling);
  const unknown = [...read.filter(({ test }) => !test).map(({ name }) => name), ...sort.ignored];
  if (unknown[0] !== undefined && !handling.lenient) throw unknownParameter(provider, unknown[0]);
  const tests = read.flatMap(({ test }) => test ?? []);
  if (handling.inUrl) for (const test of tests) refusePersonal(test);
  const criteria = tests.filter((test): test is Criterion => "values" in test);
  refuseManyValues(criteria, provider.indexed ? mostValues.index : mostValues.registry);
  const total = totalOf(control);
  return {
    type: provider.type,
    criteria,
    has: tests.filter((test): test is ReverseChain => "test" in test),
    include: included.include,
    revinclude: included.revinclude,
    sort: sort.keys,
    ...(total && { total }),
    count: countOf(control, provider),
    ignored: [...unknown, ...included.ignored],
    applied: [
      ...read.flatMap(shownIn),
      ...included.applied,
      ...control.filter(([name]) => shownControls.has(name) && !unknown.includes(name)),
    ],
  };
}

/** What may stand in a link. */
const shownIn = ({ name, value, test }: Read): Pair[] =>
  test && personalName(test) === undefined ? [[name, (valuesOf(value).raw ?? []).join(",")]] : [];

const shownControls = new Set(["_sort", "_total", "_count"]);

/**
 * Criteria of one indexed type as a text, `status=active&…`, that is kept in clear and so names no person. Throws what a
 * search with it would throw, and `unsupported-type` for a type that is not indexed.
 */
export function parseCriteria(providers: Providers, type: string, text: string): SearchRequest {
  const provider = providers.of(type);
  if (!provider?.indexed) throw new GatewayError("unsupported-type", { field: type });
  return parseSearch(providers, provider, [...new URLSearchParams(text)], { lenient: false, inUrl: true });
}

function bounded(query: Iterable<Pair>): Pair[] {
  const pairs: Pair[] = [];
  for (const pair of query) {
    if (pairs.length === mostParameters)
      throw new GatewayError("bad-request", { detail: `at most ${mostParameters} parameters` });
    pairs.push(pair);
  }
  return pairs;
}

/** Of what is asked twice only one could be applied. */
function refuseRepeated(control: readonly Pair[]): void {
  const once = control.map(([name]) => name).filter((name) => !isInclusion(name));
  const twice = once.find((name, index) => once.indexOf(name) !== index);
  if (twice !== undefined)
    throw new GatewayError("bad-request", { field: twice, detail: "the parameter comes twice" });
}

/**
 * Undefined for what the type does not have, and under lenient handling for what has no value. A criterion without one would
 * find everything when it is negated, which who deletes by it must not mean.
 */
function testOf(providers: Providers, provider: Provider, [name, value]: Pair, { lenient }: SearchHandling) {
  if (valuesOf(value).values.length === 0) {
    if (lenient && /^,*$/.test(value)) return undefined;
    if (!lenient)
      throw new GatewayError("bad-request", { field: name.slice(0, 100), detail: "a value is due" });
  }
  const read = name.startsWith("_has:") ? readReverseChain : readCriterion;
  return read(providers, provider, { name, value });
}

function refuseManyValues(criteria: readonly Criterion[], most: number): void {
  const counts = new Map<string, number>();
  for (const { parameter, chain, values } of criteria) {
    const name = [parameter.name, chain].filter(Boolean).join(".");
    const count = (counts.get(name) ?? 0) + values.length;
    if (count > most) throw tooMany(name, most);
    counts.set(name, count);
  }
}

const tooMany = (field: string, most: number) =>
  new GatewayError("bad-request", { field, detail: `at most ${most} values` });

/** Nothing but the number is asked for. */
const isCounted = (control: readonly Pair[]): boolean =>
  control.some(([name, value]) => name === "_summary" && value === "count");

const totals = new Set(["none", "estimate", "accurate"]);

function totalOf(control: readonly Pair[]): SearchRequest["total"] {
  const total = control.find(([name]) => name === "_total")?.[1];
  if (isCounted(control)) return "accurate";
  if (total === undefined || totals.has(total)) return total as SearchRequest["total"];
  throw new GatewayError("bad-request", { field: "_total", detail: "none, estimate or accurate" });
}

function countOf(control: readonly Pair[], { indexed }: Provider): number {
  const text = control.find(([name]) => name === "_count")?.[1];
  if (isCounted(control)) return 0;
  // a registry's answer is complete in one page
  if (text === undefined) return indexed ? usualEntries : mostEntries;
  if (!/^\d{1,15}$/.test(text))
    throw new GatewayError("bad-request", { field: "_count", detail: "not a whole number" });
  return Math.min(Number(text), mostEntries);
}

const unknownParameter = (provider: Provider, name: string) =>
  new GatewayError("unknown-parameter", {
    field: name,
    detail: `${provider.type} is searched by ${provider.searchParameters.map((p) => p.name).join(", ")}`,
  });
