import type { Bundle, BundleEntry, BundleLink } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { HistoryEntry, HistoryRequest, Provider } from "../../fhir/provider.ts";
import type { LinkedPage } from "../../fhir/search/page-link.ts";
import { dateRangeOf } from "../../fhir/search/range.ts";
import { requireScope } from "../../plugins/auth.ts";
import { formatOf, givenIn } from "../../plugins/fhir-format.ts";
import type { Caller, Pairs } from "./asked.ts";
import type { Answering } from "./paths.ts";
import { isLenient } from "./prefer.ts";
import { etagOf, sendResource } from "./reply.ts";
import type { SearchDoor } from "./search.ts";
import { isViewName, viewPairsIn } from "./view.ts";

type HistoryDoor = SearchDoor & Pick<Caller, "repository">;

interface Asked {
  /** the page, and what its links repeat */
  page: Omit<HistoryRequest, "id">;
  pairs: Pairs;
}

const mostEntries = 200;
const usualEntries = 50;

/** `GET Type/id/_history` and `GET Type/_history` (FHIR R4 3.1.0.11). */
export const answerHistory =
  (door: HistoryDoor): Answering =>
  async (request, reply, provider) => {
    const format = formatOf(request);
    const { id } = request.params;
    return sendResource(request, reply, await historyBy(door, request, { provider, id }), format);
  };

/** `GET _history`: everything in our own store. */
export const answerSystemHistory =
  (door: HistoryDoor) => async (request: FastifyRequest, reply: FastifyReply) => {
    const format = formatOf(request);
    return sendResource(request, reply, await historyBy(door, request, {}), format);
  };

/** A page of the history of one resource, of a type, or of all stored types. */
async function historyBy(
  door: HistoryDoor,
  request: FastifyRequest,
  { provider, id }: { provider?: Provider; id?: string },
): Promise<Bundle> {
  const { ctx } = request;
  requireScope(request, provider?.type ?? "*", "r");
  const path = [provider?.type, id, "_history"].filter((part) => part !== undefined).join("/");
  const { page, pairs } = askedPage(door, request, path);
  const { entries, next } = await (provider?.history
    ? provider.history({ ...page, id }, ctx).then(({ value }) => value)
    : door.repository.history({ ...page, id }, ctx));
  const decisions = await request.authorizeAll(
    "history",
    entries.map(({ resource, type, id: of, subject }) =>
      resource
        ? accessedOf(resource, ctx.actor.tenant)
        : { type, id: of, subject, organization: ctx.actor.tenant },
    ),
  );
  const shown = entries.filter((_, index) => decisions[index]?.permit);
  const told = shown.length > 0 ? subjectsOf(shown) : [undefined];
  const action = `history-${id !== undefined ? "instance" : provider ? "type" : "system"}`;
  for (const subject of told)
    await request.journal({ action, resourceType: provider?.type, resourceId: id, subject });
  const address = `${door.providers.baseUrl}/${path}`;
  const linkTo = (relation: string, query: Pairs): BundleLink => ({
    relation,
    url: `${address}?${new URLSearchParams([...query, ...viewPairsIn(givenIn(request))])}`,
  });
  const link = [linkTo("self", pairs)];
  if (next !== undefined) {
    const position = { direction: "before", at: next } as const;
    const token = door.pages.seal({ path, query: pairs, lenient: false, position }, ctx.actor);
    link.push(linkTo("next", [["_page", token]]));
  }
  return {
    resourceType: "Bundle",
    type: "history",
    link,
    entry: shown.map((one) => entryOf(door.providers.baseUrl, one)),
  };
}

const subjectsOf = (entries: readonly HistoryEntry[]): (string | undefined)[] => [
  ...new Set(entries.map(({ subject }) => subject)),
];

/** The page of the request, or the one that its link holds: the link opens nothing but the history it was made for. */
function askedPage({ pages }: HistoryDoor, request: FastifyRequest, path: string): Asked {
  const query = request.query as Record<string, unknown>;
  if (query._page === undefined) return askedBy(query, isLenient(request));
  const linked: LinkedPage = pages.open(String(query._page), request.ctx.actor);
  if (linked.path !== path) throw new GatewayError("page-link-rejected", { field: "_page" });
  const { page, pairs } = askedBy(Object.fromEntries(linked.query), true);
  return { page: { ...page, before: linked.position.at }, pairs };
}

const known = new Set(["_count", "_since", "_at"]);

/** Throws `unknown-parameter` unless the caller is lenient, and `bad-request` for a value that a parameter can't have. */
function askedBy(query: Record<string, unknown>, lenient: boolean): Asked {
  const unknown = Object.keys(query).find((name) => !known.has(name) && !isViewName(name));
  if (unknown !== undefined && !lenient) throw new GatewayError("unknown-parameter", { field: unknown });
  const { _count, _since, _at } = query;
  const count = Math.min(wholeNumber("_count", _count) ?? usualEntries, mostEntries);
  const since = _since === undefined ? undefined : instantOf(_since);
  const at = _at === undefined ? undefined : periodOf(_at);
  const pairs: [string, string][] = [["_count", String(count)]];
  if (since !== undefined) pairs.push(["_since", new Date(since).toISOString()]);
  if (at !== undefined) pairs.push(["_at", String(_at).replace(" ", "+")]);
  return { page: { count, since, at }, pairs };
}

function wholeNumber(field: string, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text))
    throw new GatewayError("bad-request", { field, detail: "not a whole number" });
  return Number(text);
}

// FHIR instant
const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function instantOf(text: unknown): number {
  // a plus in a query is a space
  const instant = String(text).replace(" ", "+");
  const at = instantForm.test(instant) ? Date.parse(instant) : Number.NaN;
  if (Number.isNaN(at)) throw new GatewayError("bad-request", { field: "_since", detail: "not an instant" });
  return at;
}

function periodOf(text: unknown): { low: number; high: number } {
  const period = dateRangeOf(String(text).replace(" ", "+"));
  if (!period) throw new GatewayError("bad-request", { field: "_at", detail: "not a dateTime" });
  return period;
}

const verbs = { create: "POST", update: "PUT", delete: "DELETE" } as const;
const statuses = { create: "201", update: "200", delete: "204" } as const;

function entryOf(baseUrl: string, { type, id, version, lastUpdated, interaction, resource }: HistoryEntry) {
  return {
    fullUrl: `${baseUrl}/${type}/${id}`,
    ...(resource && { resource }),
    request: { method: verbs[interaction], url: interaction === "create" ? type : `${type}/${id}` },
    response: {
      status: statuses[interaction],
      etag: etagOf(version),
      lastModified: new Date(lastUpdated).toISOString(),
    },
  } satisfies BundleEntry;
}
