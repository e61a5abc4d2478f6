import { GatewayError } from "../core/errors.ts";
import type {
  Criterion,
  Inclusion,
  Provider,
  Providers,
  SearchParameter,
  SearchRequest,
} from "./provider.ts";

export interface SearchHandling {
  lenient: boolean;
  /** the parameters came in the URL, where personal identifiers are refused */
  inUrl: boolean;
}

const controls = new Set(["_include", "_revinclude", "_count", "_format", "_pretty"]);
const mostEntries = 200;
// each value and each inclusion may be a call of its own to a registry
const mostValues = 20;
const mostInclusions = 10;

/**
 * Reads search parameters of one type. Throws GatewayError `unknown-parameter` (strict handling),
 * `identifier-in-url` for a personal value in the URL, `bad-request` for a malformed control parameter and for
 * more than 20 values of one parameter or 10 inclusions.
 */
export function parseSearch(
  providers: Providers,
  provider: Provider,
  query: Iterable<readonly [string, string]>,
  handling: SearchHandling,
): SearchRequest {
  const pairs = [...query];
  const control = pairs.filter(([name]) => controls.has(name));
  const read = pairs
    .filter(([name]) => !controls.has(name))
    .map(([name, value]) => ({ name, criterion: criterionOf(providers, provider, name, value) }));
  const ignored = read.filter(({ criterion }) => !criterion).map(({ name }) => name);
  if (ignored[0] && !handling.lenient) throw unknownParameter(provider, ignored[0]);
  const criteria = read.map(({ criterion }) => criterion).filter((criterion) => criterion !== undefined);
  if (handling.inUrl) for (const criterion of criteria) refusePersonal(providers, criterion);
  refuseManyValues(criteria);
  const inclusions = (name: string) => {
    const values = new Set(control.filter(([key]) => key === name).map(([, value]) => value));
    if (values.size > mostInclusions) throw tooMany(name, mostInclusions);
    return [...values].map((value) => inclusionOf(providers, name, value));
  };
  return {
    type: provider.type,
    criteria,
    include: inclusions("_include"),
    revinclude: inclusions("_revinclude"),
    count: countOf(control.find(([key]) => key === "_count")?.[1]),
    ignored,
  };
}

function criterionOf(providers: Providers, provider: Provider, name: string, value: string) {
  const [own = "", chain] = name.split(".", 2);
  const parameter = provider.searchParameters.find((candidate) => candidate.name === own);
  if (!parameter) return undefined;
  if (chain !== undefined && !chainedParameter(providers, parameter, chain)) return undefined;
  return { parameter, chain, values: [...new Set(splitValues(value))] };
}

function chainedParameter(providers: Providers, parameter: SearchParameter, chain: string) {
  return parameter.targets
    ?.map((target) => providers.of(target)?.searchParameters.find((p) => p.name === chain))
    .find((found) => found !== undefined);
}

function refuseManyValues(criteria: readonly Criterion[]): void {
  const counts = new Map<string, number>();
  for (const criterion of criteria) {
    const name = nameOf(criterion);
    const count = (counts.get(name) ?? 0) + criterion.values.length;
    if (count > mostValues) throw tooMany(name, mostValues);
    counts.set(name, count);
  }
}

const nameOf = ({ parameter, chain }: Criterion) => [parameter.name, chain].filter(Boolean).join(".");

const tooMany = (field: string, most: number) =>
  new GatewayError("bad-request", { field, detail: `at most ${most} values` });

function refusePersonal(providers: Providers, criterion: Criterion): void {
  const { parameter, chain } = criterion;
  const last = chain === undefined ? parameter : chainedParameter(providers, parameter, chain);
  if (!last?.personal) return;
  throw new GatewayError("identifier-in-url", {
    field: nameOf(criterion),
    detail: "send the search as POST _search",
  });
}

/** Splits at commas that are not escaped (FHIR R4 3.1.1.4.0.1). */
function splitValues(text: string): string[] {
  const values = (text.match(/(?:\\.|[^,\\])+/gs) ?? []).map((part) => part.replace(/\\([\\,|$])/g, "$1"));
  // FHIR strings hold no NUL, so nothing equals it, and PostgreSQL refuses to compare it
  return values.filter((value) => !value.includes("\0"));
}

function inclusionOf(providers: Providers, name: string, value: string): Inclusion {
  const [type = "", parameter = "", target] = value.split(":");
  const known = providers
    .of(type)
    ?.searchParameters.find((p) => p.name === parameter && p.type === "reference");
  if (!known)
    throw new GatewayError("unknown-parameter", { field: name, detail: "no such reference parameter" });
  return { type, parameter, target };
}

function countOf(text: string | undefined): number {
  if (text === undefined) return mostEntries;
  if (!/^\d{1,6}$/.test(text))
    throw new GatewayError("bad-request", { field: "_count", detail: "not a whole number" });
  return Math.min(Number(text), mostEntries);
}

const unknownParameter = (provider: Provider, name: string) =>
  new GatewayError("unknown-parameter", {
    field: name,
    detail: `${provider.type} is searched by ${provider.searchParameters.map((p) => p.name).join(", ")}`,
  });
