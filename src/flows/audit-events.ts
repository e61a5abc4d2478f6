import type { AuditEvent } from "@medplum/fhirtypes";
import { remitOf } from "../access/remit.ts";
import type { Actor } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { Candidates, IndexedSearch, Provider, SearchRequest } from "../fhir/provider.ts";
import { dateRangeOf, prefixedOf } from "../fhir/search/range.ts";
import { actingOrganizationsOf } from "../store/journal-format.ts";
import type { FoundRow, JournalQuery, Place, SearchJournal } from "../store/journal-search.ts";
import { toAuditEvent } from "./audit-event.ts";

/** AuditEvent, made from the journal; a caller finds rows of the own organisation, a regulator those of its remit. */
export function auditEventProvider(journal: SearchJournal, server: string): Provider {
  const eventsFor =
    (actor: Actor): FindEvents =>
    async (query) => {
      const found = await journal({ ...query, ...reachOf(actor) });
      return found.map((one) => ({ place: one.place, event: toAuditEvent(shownTo(actor, one), server) }));
    };
  const pages: Pick<IndexedSearch, "candidates"> = {
    candidates: (request, page, { actor }) => candidatesOf(eventsFor(actor), request, page),
  };
  return {
    type: "AuditEvent",
    documentation:
      "The journal of accesses of the own organisation and to its data, newest first, by the patterns of IHE BALP; " +
      "addresses, tokens and queries for the duty of security only, of what was done in its organisation or by people " +
      "in person; needs the duty of security, of support (verifications only) or of a regulator (its remit)",
    searchParameters: [
      {
        name: "date",
        type: "date",
        documentation: "when: eq, gt, ge, lt or le of a day, a month, a year or an instant",
      },
      { name: "entity", type: "reference", documentation: "Type/id of the person whose data it was" },
      { name: "agent", type: "reference", documentation: "Type/id of who acted, or a client's id" },
    ],
    read: async (id, { actor }) => {
      const [found] = await eventsFor(actor)({ place: placeOf(id), limit: 1 });
      if (!found) throw new GatewayError("not-found", { field: "id" });
      return { value: found.event, sources: [] };
    },
    pagesOf: () => pages,
    search: async (request, ctx) => {
      const { found, sources } = await pages.candidates(request, { limit: request.count }, ctx);
      return { value: found.map(({ resource }) => resource), sources };
    },
  };
}

type FindEvents = (query: JournalQuery) => Promise<{ place: Place; event: AuditEvent }[]>;

const reachOf = (actor: Actor) => ({ organization: actor.tenant, remit: remitOf(actor) });

/**
 * From where, by which token and what was asked is shown to the security service of the organisation in which it was
 * asked, and where somebody asked in person, to that of the holder.
 */
function shownTo({ duties = [], tenant }: Actor, { place, row }: FoundRow): FoundRow {
  const isOwn = actingOrganizationsOf(row).includes(tenant) || row.tenant === "";
  if (duties.includes("security") && isOwn) return { place, row };
  const { address, query, token, ...shown } = row;
  return { place, row: shown };
}

function placeOf(id: string): JournalQuery["place"] {
  const [, group, n] = /^(\d{1,15})\.(\d{1,9})$/.exec(id) ?? [];
  if (group === undefined) throw new GatewayError("not-found", { field: "id" });
  return { group: Number(group), n: Number(n) };
}

// more rows than requests can wait together for one commit
const rowsOfGroup = 2 ** 20;

const numberOf = ({ group, n }: Place): number => group * rowsOfGroup + n;
const placeAt = (at: number): Place => ({ group: Math.floor(at / rowsOfGroup), n: at % rowsOfGroup });

/** Rows beside a place, in the order in which they were committed, which no clock changes. */
async function candidatesOf(
  find: FindEvents,
  request: SearchRequest,
  { position, limit }: Parameters<IndexedSearch["candidates"]>[1],
): Promise<Candidates> {
  const direction = position?.direction === "before" ? "newer" : "older";
  const beyond = position && ({ place: placeAt(position.at), direction } as const);
  const rows = await find({ ...queryOf(request), beyond, limit: limit + 1 });
  const found = rows.slice(0, limit).map(({ place, event }) => ({ resource: event, at: numberOf(place) }));
  return { found, more: rows.length > limit, lastAt: found.at(-1)?.at, sources: [] };
}

function queryOf({ criteria }: SearchRequest): Omit<JournalQuery, "limit"> {
  const query: Omit<JournalQuery, "limit"> = {};
  for (const { parameter, values } of criteria) {
    const [value = "", another] = values;
    if (another !== undefined)
      throw new GatewayError("bad-request", { field: parameter.name, detail: "one value each" });
    if (parameter.name === "date") narrow(query, timeOf(value));
    else query[parameter.name === "entity" ? "subject" : "agent"] = value.split("/").at(-1);
  }
  return query;
}

type Time = Pick<JournalQuery, "since" | "before">;

function narrow(query: Time, { since = -Infinity, before = Infinity }: Time): void {
  const [from, until] = [
    Math.max(query.since ?? -Infinity, since),
    Math.min(query.before ?? Infinity, before),
  ];
  if (Number.isFinite(from)) query.since = from;
  if (Number.isFinite(until)) query.before = until;
}

/** A row has a moment, so a day is all of its moments (FHIR R4 3.1.1.4.4). */
function timeOf(text: string): Time {
  const { prefix, text: date } = prefixedOf(text);
  const range = dateRangeOf(date);
  const { low = 0, high = 0 } = range ?? {};
  const times: Partial<Record<typeof prefix, Time>> = {
    eq: { since: low, before: high + 1 },
    gt: { since: high + 1 },
    ge: { since: low },
    lt: { before: low },
    le: { before: high + 1 },
  };
  const time = range && times[prefix];
  if (!time)
    throw new GatewayError("bad-request", {
      field: "date",
      detail: "eq, gt, ge, lt or le, and a date or an instant",
    });
  return time;
}
