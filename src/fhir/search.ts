import type { Bundle, BundleEntry, OperationOutcome, Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { outcomeOf, outcomeOfSource, warningOf } from "./outcome.ts";
import type { Position, Provider, Providers, SearchRequest } from "./provider.ts";
import { includesOf, keyOf } from "./search/includes.ts";
import { type Page, type Permitted, pageOf } from "./search/page.ts";

export interface SearchAsk {
  providers: Providers;
  provider: Provider;
  request: SearchRequest;
  /** `Observation`, `Patient/1/Observation`, or nothing for the whole system */
  path: string;
  /** absent: the first page */
  position?: Position;
  /** of what includes bring along */
  permitted: Permitted;
  /** of matches, also by what they are found by */
  permittedMatch: Permitted;
  /** address of another page of the same search */
  pageUrl(position: Position): string;
  ctx: RequestContext;
}

export interface SearchAnswer {
  bundle: Bundle;
  sources: readonly SourceStatus[];
}

/** Runs one search with its includes and gives the searchset Bundle (FHIR R4 3.1.1.5) and its sources. */
export async function searchBundle(ask: SearchAsk): Promise<SearchAnswer> {
  const { providers, provider, request, permitted, permittedMatch, ctx, position } = ask;
  const search = provider.indexed ?? provider.pagesOf?.(request);
  const page = search
    ? await pageOf({ search, request, position, permitted: permittedMatch, ctx })
    : await wholeOf(ask);
  const included = await includesOf({ providers, request, matches: page.matches, permitted, ctx });
  const outcomes: OperationOutcome[] = [
    ...request.ignored.map((name) => warningOf("unknown-parameter", name)),
    ...[...page.warnings, ...included.warnings].map((error) => outcomeOf(error, "warning")),
    ...bySystem([...page.sources, ...included.sources]).flatMap((source) => outcomeOfSource(source) ?? []),
  ];
  const entry = [
    ...page.matches.map((resource) => entryOf(providers, resource, "match")),
    ...included.resources.map((resource) => entryOf(providers, resource, "include")),
    ...outcomes.map((resource) => entryOf(providers, resource, "outcome")),
  ];
  const bundle: Bundle = {
    resourceType: "Bundle",
    type: "searchset",
    ...(page.total !== undefined && { total: page.total }),
    link: linksOf(ask, page),
    entry,
  };
  return { bundle, sources: [...page.sources, ...included.sources] };
}

/** One status of each system and of the copy of each, the last. */
const bySystem = (sources: readonly SourceStatus[]): SourceStatus[] => [
  ...new Map(sources.map((source) => [`${source.system} ${source.copy}`, source])).values(),
];

/** What a registry finds is complete at once; pages are counted in it. */
async function wholeOf({ provider, request, position, permittedMatch, ctx }: SearchAsk): Promise<Page> {
  const { value, sources } = await provider.search(request, ctx);
  const allowed = await permittedMatch(value);
  const visible = value.filter((_, index) => allowed[index]);
  const from = Math.max(0, position?.at ?? 0);
  const to = from + request.count;
  const at = (place: number): Position => ({ direction: "after", at: place });
  return {
    matches: visible.slice(from, to),
    total: visible.length,
    ...(request.count > 0 && to < visible.length && { next: at(to) }),
    ...(request.count > 0 && from > 0 && { previous: at(Math.max(0, from - request.count)) }),
    warnings: [],
    sources,
  };
}

const entryOf = (
  { baseUrl }: Providers,
  resource: Resource,
  mode: "match" | "include" | "outcome",
): BundleEntry => ({
  ...(mode !== "outcome" && { fullUrl: `${baseUrl}/${keyOf(resource)}` }),
  resource,
  search: { mode },
});

/** The self link shows what was applied, personal values left out: a URL is no place for them (docs/decisions/003). */
function linksOf({ providers, request, path, pageUrl }: SearchAsk, { next, previous }: Page): Bundle["link"] {
  const query = new URLSearchParams(
    request.applied.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  return [
    { relation: "self", url: `${providers.baseUrl}${path && `/${path}`}${query && `?${query}`}` },
    ...(previous ? [{ relation: "previous", url: pageUrl(previous) }] : []),
    ...(next ? [{ relation: "next", url: pageUrl(next) }] : []),
  ];
}
