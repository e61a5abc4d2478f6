import type { Bundle, BundleEntry, BundleLink } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf, makerOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { HistoryEntry, HistoryPage, HistoryRequest, Provider } from "../../fhir/provider.ts";
import type { LinkedPage } from "../../fhir/search/page-link.ts";
import { dateRangeOf, instantOf } from "../../fhir/search/range.ts";
import { requireScope } from "../../plugins/auth.ts";
import { formatOf, givenIn } from "../../plugins/fhir-format.ts";
import type { Caller, Pairs } from "./asked.ts";
import { journalHidden, noteHidden } from "./hidden.ts";
import type { Answering } from "./paths.ts";
import { isLenient } from "./prefer.ts";
import { etagOf, sendResource } from "./reply.ts";
import { refuseBesideLink, type SearchDoor } from "./search.ts";
import { isViewName, viewPairsIn } from "./view.ts";

type HistoryDoor = SearchDoor & Pick<Caller, "repository">;

/** Whose history: of one resource, of a type, or of all stored types. */
interface Whose {
  provider?: Provider;
  id?: string;
}

interface Asking extends Whose {
  door: HistoryDoor;
  request: FastifyRequest;
  /** parameters of the URL, or of that of an entry */
  given: Record<string, unknown>;
}

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
  (request, reply, provider) =>
    answer(door, request, reply, { provider, id: request.params.id });

/** `GET _history`: everything in our own store. */
export const answerSystemHistory =
  (door: HistoryDoor) =>
  (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    answer(door, request, reply, {});

async function answer(door: HistoryDoor, request: FastifyRequest, reply: FastifyReply, whose: Whose) {
  const format = formatOf(request);
  const bundle = await preparedHistory({ door, request, ...whose, given: givenIn(request) })();
  return sendResource(request, reply, bundle, format);
}

/**
 * A page of a history: its parameters are read and its scope checked once this returns, it is read when the result is
 * called. Throws `scope-missing`, `unknown-parameter`, `bad-request`.
 */
export function preparedHistory(asking: Asking): () => Promise<Bundle> {
  const { request, provider, id } = asking;
  requireScope(request, provider?.type ?? "*", "r");
  const path = [provider?.type, id, "_history"].filter((part) => part !== undefined).join("/");
  const asked = askedPage(asking, path);
  return async () => {
    const { entries, next } = await pageOf(asking, asked);
    const shown = await permittedOf(asking, entries);
    await journalled(asking, shown);
    return {
      resourceType: "Bundle",
      type: "history",
      link: linksOf(asking, { path, asked, next }),
      entry: shown.map((one) => entryOf(asking.door.providers.baseUrl, one)),
    };
  };
}

async function pageOf(
  { door, request, provider, id }: Asking,
  { page }: Pick<Asked, "page">,
): Promise<HistoryPage> {
  const { ctx } = request;
  if (!provider?.history) return door.repository.history({ ...page, id }, ctx);
  return (await provider.history({ ...page, id }, ctx)).value;
}

/** Throws `access-denied` when nothing of the one that is asked for may be shown, as its read would. */
async function permittedOf(
  { request, id }: Asking,
  entries: readonly HistoryEntry[],
): Promise<readonly HistoryEntry[]> {
  const { tenant } = request.ctx.actor;
  const accessed = entries.map(({ resource, type, id: of, subject }) =>
    resource ? accessedOf(resource, tenant) : { type, id: of, subject, organization: tenant },
  );
  const decisions = await request.authorizeAll("history", accessed);
  const asked = entries.map(({ unasked }, index) => (unasked ? undefined : decisions[index]));
  noteHidden(request, accessed, asked);
  const shown = entries.filter((_, index) => decisions[index]?.permit);
  const [newest] = accessed;
  if (id !== undefined && newest && shown.length === 0) await request.authorizeOne("history", newest);
  return shown;
}

async function journalled({ request, provider, id }: Asking, shown: readonly HistoryEntry[]): Promise<void> {
  const personal = new Map(
    shown.flatMap(({ type, id: of, subject, resource }) => {
      if (subject === undefined) return [];
      const holder = resource && makerOf(resource);
      return [[`${type}/${of}`, { holder, resourceType: type, resourceId: of, subject }] as const];
    }),
  );
  const told = personal.size > 0 ? personal.values() : [{ resourceType: provider?.type, resourceId: id }];
  const action = `history-${id !== undefined ? "instance" : provider ? "type" : "system"}`;
  await Promise.all([
    ...Array.from(told, (access) => request.journal({ action, ...access })),
    journalHidden(request, action),
  ]);
}

function linksOf(
  { door, request, given }: Asking,
  { path, asked, next }: { path: string; asked: Asked; next: number | undefined },
): BundleLink[] {
  const linkTo = (relation: string, query: Pairs): BundleLink => ({
    relation,
    url: `${door.providers.baseUrl}/${path}?${new URLSearchParams([...query, ...viewPairsIn(given)])}`,
  });
  const self = linkTo("self", asked.pairs);
  if (next === undefined) return [self];
  const position = { direction: "before", at: next } as const;
  const linked = { path, query: asked.pairs, lenient: false, position };
  return [self, linkTo("next", [["_page", door.pages.seal(linked, request.ctx.actor)]])];
}

/** The page of the request, or the one that its link holds: the link opens nothing but the history it was made for. */
function askedPage({ door, request, given }: Asking, path: string): Asked {
  if (given._page === undefined) return askedBy(given, isLenient(request));
  refuseBesideLink(request, Object.keys(given));
  const linked: LinkedPage = door.pages.open(String(given._page), request.ctx.actor);
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
  const since = _since === undefined ? undefined : sinceIn(_since);
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

function sinceIn(text: unknown): number {
  const at = instantOf(String(text));
  if (at === undefined) throw new GatewayError("bad-request", { field: "_since", detail: "not an instant" });
  return at;
}

function periodOf(text: unknown): { low: number; high: number } {
  const period = dateRangeOf(String(text));
  if (!period) throw new GatewayError("bad-request", { field: "_at", detail: "not a dateTime" });
  return period;
}

const verbs = { create: "POST", update: "PUT", delete: "DELETE" } as const;
const statuses = { create: "201", update: "200", delete: "204" } as const;

function entryOf(baseUrl: string, entry: HistoryEntry) {
  const { type, id, version, lastUpdated, interaction, recreated, resource } = entry;
  return {
    fullUrl: `${baseUrl}/${type}/${id}`,
    ...(resource && { resource }),
    request: { method: verbs[interaction], url: interaction === "create" ? type : `${type}/${id}` },
    response: {
      status: recreated ? "201" : statuses[interaction],
      etag: etagOf(version),
      lastModified: new Date(lastUpdated).toISOString(),
    },
  } satisfies BundleEntry;
}
