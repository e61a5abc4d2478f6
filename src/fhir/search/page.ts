import type { Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SourceStatus } from "../../core/source-status.ts";
import type { Candidate, Candidates, IndexedSearch, Position, SearchRequest } from "../provider.ts";

/** Which of the resources the caller may see, in their order; a refusal of what is unasked is nobody's attempt. */
export type Permitted = (
  resources: readonly Resource[],
  unasked?: ReadonlySet<Resource>,
) => Promise<readonly boolean[]>;

export interface Page {
  matches: readonly Resource[];
  next?: Position;
  previous?: Position;
  /** absent: not asked for, or too many to be counted */
  total?: number;
  warnings: readonly GatewayError[];
  sources: readonly SourceStatus[];
}

interface PageAsk {
  search: Pick<IndexedSearch, "candidates">;
  request: SearchRequest;
  position?: Position;
  permitted: Permitted;
  ctx: RequestContext;
}

// what is not permitted is looked at in vain: a page that would need more goes on in the next
const mostScanned = 1_000;
// the longest page and one more
const batch = 201;
/** Most that is counted, of what the caller may see. */
const mostCounted = { accurate: 10_000, estimate: 1_000 };
// and of what is looked at for it
const mostLookedAt = 50_000;

/**
 * A page of what the caller may see: candidates that are not permitted are left out, and further ones fill the page.
 * There is a next page when they may see something of it; the total counts only that, and is there only when it is known.
 */
export async function pageOf(ask: PageAsk): Promise<Page> {
  const { request, position } = ask;
  const scan = request.count > 0 ? await scanned(ask) : nothing;
  const found = position?.direction === "before" ? [...scan.found].reverse() : scan.found;
  const whole = position === undefined && !scan.more && request.count > 0;
  const { total, warning } = whole ? { total: found.length, warning: undefined } : await totalOf(ask);
  return {
    matches: found.map(({ resource }) => resource),
    ...neighboursOf(scan, found, position),
    ...(total !== undefined && { total }),
    warnings: warning ? [...scan.warnings, warning] : scan.warnings,
    sources: scan.sources,
  };
}

/** Where the pages before and after this one begin; both ends are exclusive. */
function neighboursOf(
  scan: Scan,
  found: readonly Candidate[],
  position: Position | undefined,
): Pick<Page, "next" | "previous"> {
  const { snapshot = position?.snapshot, lastAt, more } = scan;
  const at = (direction: Position["direction"], place: number): Position => ({
    direction,
    at: place,
    ...(snapshot !== undefined && { snapshot }),
  });
  const [first, last] = [found[0]?.at, found.at(-1)?.at];
  // nothing was before it: the next page begins with the very place that was asked from
  const here = position && (snapshot === undefined ? position.at + 1 : position.at - 1);
  if (position?.direction === "before")
    return {
      next: at("after", last ?? here ?? 0),
      ...(more && lastAt !== undefined && { previous: at("before", lastAt) }),
    };
  return {
    ...(more && lastAt !== undefined && { next: at("after", lastAt) }),
    ...(position && { previous: at("before", first ?? position.at) }),
  };
}

interface Scan {
  found: readonly Candidate[];
  more: boolean;
  /** of the last candidate that was looked at */
  lastAt: number | undefined;
  snapshot?: string;
  warnings: readonly GatewayError[];
  sources: readonly SourceStatus[];
}

const nothing: Scan = { found: [], more: false, lastAt: undefined, warnings: [], sources: [] };

const distinct = <T>(some: readonly T[], others: readonly T[] = []): T[] => [
  ...new Set([...some, ...others]),
];

async function scanned({ search, request, position, permitted, ctx }: PageAsk): Promise<Scan> {
  const found: Candidate[] = [];
  let warnings: readonly GatewayError[] = [];
  let at = position;
  let looked = 0;
  for (;;) {
    // one more than the page holds tells whether there is another
    const limit = Math.min(batch, request.count + 1 - found.length);
    const candidates = await search.candidates(request, { position: at, limit }, ctx);
    const allowed = await shownOf(permitted, candidates);
    found.push(...candidates.found.filter((_, index) => allowed[index]));
    looked += candidates.found.length;
    const { more, snapshot, sources, lastAt = at?.at } = candidates;
    warnings = distinct(warnings, candidates.warnings);
    const scan = { found: found.slice(0, request.count), snapshot, sources, warnings };
    if (found.length > request.count) return { ...scan, more: true, lastAt: scan.found.at(-1)?.at };
    if (!more || looked >= mostScanned) return { ...scan, more, lastAt };
    at = {
      direction: position?.direction ?? "after",
      at: lastAt ?? 0,
      ...(snapshot !== undefined && { snapshot }),
    };
  }
}

function shownOf(permitted: Permitted, { found }: Pick<Candidates, "found">): ReturnType<Permitted> {
  const unasked = new Set(found.flatMap((one) => (one.unasked ? [one.resource] : [])));
  return permitted(
    found.map(({ resource }) => resource),
    unasked,
  );
}

async function totalOf({
  search,
  request,
  permitted,
  ctx,
}: PageAsk): Promise<{ total?: number; warning?: GatewayError }> {
  const asked = request.total ?? (request.count === 0 ? "accurate" : "none");
  if (asked === "none") return {};
  let total = 0;
  let looked = 0;
  let position: Position | undefined;
  for (;;) {
    // the order does not matter for counting, and that of creation costs nothing
    const candidates = await search.candidates({ ...request, sort: [] }, { position, limit: batch }, ctx);
    const allowed = await shownOf(permitted, candidates);
    total += allowed.filter(Boolean).length;
    looked += candidates.found.length;
    if (total > mostCounted[asked]) return { warning: uncounted };
    if (!candidates.more || candidates.lastAt === undefined) return { total };
    if (looked >= mostLookedAt) return { warning: uncounted };
    position = { direction: "after", at: candidates.lastAt };
  }
}

const uncounted = new GatewayError("search-too-broad", {
  field: "_total",
  detail: "too many to be counted: narrow the search",
});
