import type { Bundle, BundleEntry } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { HistoryEntry, HistoryRequest, Provider } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { Caller } from "./asked.ts";
import type { Answering } from "./paths.ts";
import { etagOf, formatOf, sendResource } from "./reply.ts";

type DoorParts = Pick<Caller, "providers" | "repository">;

const mostEntries = 200;
const usualEntries = 50;

/** `GET Type/id/_history` and `GET Type/_history` (FHIR R4 3.1.0.11). */
export const answerHistory =
  (caller: DoorParts): Answering =>
  async (request, reply, provider) => {
    const format = formatOf(request);
    const { id } = request.params;
    const bundle = await historyBy({ ...caller, request }, { provider, id });
    return sendResource(request, reply, bundle, format);
  };

/** `GET _history`: everything in our own store. */
export const answerSystemHistory =
  (caller: DoorParts) => async (request: FastifyRequest, reply: FastifyReply) => {
    const format = formatOf(request);
    return sendResource(request, reply, await historyBy({ ...caller, request }, {}), format);
  };

/** A page of the history of one resource, of a type, or of all stored types. */
async function historyBy(
  { request, providers, repository }: DoorParts & { request: FastifyRequest },
  { provider, id }: { provider?: Provider; id?: string },
): Promise<Bundle> {
  requireScope(request, provider?.type ?? "*", "r");
  const asked = { ...requestOf(request.query as Record<string, unknown>), id };
  const found = await (provider?.history
    ? provider.history(asked, request.ctx).then(({ value }) => value)
    : repository.history(asked, request.ctx));
  const decisions = await request.authorizeAll(
    "history",
    found.map(({ resource, type, id: of, subject }) =>
      resource
        ? accessedOf(resource, request.ctx.actor.tenant)
        : { type, id: of, subject, organization: request.ctx.actor.tenant },
    ),
  );
  const shown = found.filter((_, index) => decisions[index]?.permit);
  const told = shown.length > 0 ? subjectsOf(shown) : [undefined];
  for (const subject of told)
    await request.journal({ action: "history", resourceType: provider?.type, resourceId: id, subject });
  return {
    resourceType: "Bundle",
    type: "history",
    link: linksOf(providers.baseUrl, [provider?.type, id], asked, found),
    entry: shown.map((one) => entryOf(providers.baseUrl, one)),
  };
}

const subjectsOf = (entries: readonly HistoryEntry[]): (string | undefined)[] => [
  ...new Set(entries.map(({ subject }) => subject)),
];

function requestOf(query: Record<string, unknown>): Omit<HistoryRequest, "id"> {
  const { _count, _since, _before } = query;
  return {
    count: Math.min(wholeNumber("_count", _count) ?? usualEntries, mostEntries),
    since: _since === undefined ? undefined : instantOf(_since),
    before: wholeNumber("_before", _before),
  };
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

function linksOf(
  baseUrl: string,
  path: readonly (string | undefined)[],
  { since, before, count }: HistoryRequest,
  found: readonly HistoryEntry[],
) {
  const address = [baseUrl, ...path.filter((part) => part !== undefined), "_history"].join("/");
  const link = (relation: string, cursor: number | undefined) => {
    const query = new URLSearchParams({ _count: String(count) });
    if (since !== undefined) query.set("_since", new Date(since).toISOString());
    if (cursor !== undefined) query.set("_before", String(cursor));
    return { relation, url: `${address}?${query}` };
  };
  const last = found.at(-1);
  const isMore = last !== undefined && found.length === count;
  return [link("self", before), ...(isMore ? [link("next", last.cursor)] : [])];
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
