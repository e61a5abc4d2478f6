import type { AuditEvent, AuditEventAgent, AuditEventEntity } from "@medplum/fhirtypes";
import { readGround } from "../access/ground-text.ts";
import { remitOf } from "../access/remit.ts";
import { canonicalBase } from "../core/canonical.ts";
import type { Actor } from "../core/context.ts";
import { errorTable } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";
import type { Candidates, IndexedSearch, Provider, SearchRequest } from "../fhir/provider.ts";
import { dateRangeOf, prefixedOf } from "../fhir/search/range.ts";
import { versioned } from "../fhir/version.ts";
import { organizationOf } from "../store/journal-format.ts";
import type { FoundRow, JournalQuery, Place, SearchJournal } from "../store/journal-search.ts";

/** AuditEvent, made from the journal; a caller finds rows of the own tenant, a regulator those of its remit. */
export function auditEventProvider(search: SearchJournal): Provider {
  const pages: Pick<IndexedSearch, "candidates"> = {
    candidates: (request, page, { actor }) => candidatesOf(search, request, { ...page, ...reachOf(actor) }),
  };
  return {
    type: "AuditEvent",
    documentation:
      "The journal of accesses of the own organisation, newest first, with the fields of IHE BALP; needs the duty of security, of support (verifications only) or of a regulator (its remit)",
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
      const [found] = await search({ ...reachOf(actor), place: placeOf(id), limit: 1 });
      if (!found) throw new GatewayError("not-found", { field: "id" });
      return { value: asWritten(found), sources: [] };
    },
    pagesOf: () => pages,
    search: async (request, ctx) => {
      const { found, sources } = await pages.candidates(request, { limit: request.count }, ctx);
      return { value: found.map(({ resource }) => resource), sources };
    },
  };
}

type Reach = Pick<JournalQuery, "remit"> & { tenant: string };

const reachOf = (actor: Actor): Reach => ({ tenant: actor.tenant, remit: remitOf(actor) });

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
  search: SearchJournal,
  request: SearchRequest,
  { position, limit, tenant, remit }: Parameters<IndexedSearch["candidates"]>[1] & Reach,
): Promise<Candidates> {
  const direction = position?.direction === "before" ? "newer" : "older";
  const beyond = position && ({ place: placeAt(position.at), direction } as const);
  const rows = await search({ ...queryOf(request), tenant, remit, beyond, limit: limit + 1 });
  const found = rows.slice(0, limit).map((row) => ({ resource: asWritten(row), at: numberOf(row.place) }));
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

const interactions: Readonly<Record<string, { code: string; action: AuditEvent["action"] }>> = {
  read: { code: "read", action: "R" },
  vread: { code: "vread", action: "R" },
  search: { code: "search-type", action: "E" },
  "history-type": { code: "history-type", action: "R" },
  "history-instance": { code: "history-instance", action: "R" },
  "history-system": { code: "history-system", action: "R" },
  create: { code: "create", action: "C" },
  update: { code: "update", action: "U" },
  patch: { code: "patch", action: "U" },
  delete: { code: "delete", action: "D" },
};

// what was read to be kept or printed
const takenAway = new Set(["download", "print"]);

/** Success, a caller's mistake, or what must be looked at: a refused access (M-07) and a fault of ours. */
function outcomeOf(status: number): AuditEvent["outcome"] {
  if (status < 400) return "0";
  return status === 403 || status >= 500 ? "8" : "4";
}

/** A row of the journal never changes. */
const asWritten = (found: FoundRow): AuditEvent => versioned(auditEvent(found), found.row.at);

/** One row as IHE BALP lays it out: who, when, whose data, on what ground, with what outcome. */
function auditEvent({ place, row }: FoundRow): AuditEvent {
  const { at, action, outcome, requestId } = row;
  const known = interactions[action];
  const status = outcome === "ok" ? 200 : errorTable[outcome].status;
  return {
    resourceType: "AuditEvent",
    id: `${place.group}.${place.n}`,
    type: { system: "http://terminology.hl7.org/CodeSystem/audit-event-type", code: "rest" },
    subtype: [
      known
        ? { system: "http://hl7.org/fhir/restful-interaction", code: known.code }
        : { system: `${canonicalBase}/CodeSystem/journal-action`, code: action },
    ],
    action: known?.action ?? (takenAway.has(action) ? "R" : "E"),
    recorded: new Date(at).toISOString(),
    outcome: outcomeOf(status),
    outcomeDesc: outcome,
    purposeOfEvent: purposeOf(row.ground),
    agent: agentsOf(row),
    source: { observer: { display: "cabinet-gateway" } },
    entity: [
      ...entitiesOf(row),
      {
        type: {
          system: "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
          code: "XrequestId",
        },
        what: { identifier: { value: requestId } },
      },
    ],
  };
}

function purposeOf(ground: string | undefined): AuditEvent["purposeOfEvent"] {
  const read = readGround(ground);
  if (!read) return ground === undefined ? undefined : [{ text: ground }];
  const system = `${canonicalBase}/CodeSystem/access-ground`;
  return [{ coding: [{ system, code: read.reason.code, display: read.reason.meaning }], text: ground }];
}

const personTypes: Readonly<Record<string, string>> = { practitioner: "Practitioner", patient: "Patient" };

function agentsOf(row: FoundRow["row"]): AuditEventAgent[] {
  const { actorKind, actorId, onBehalfOf, role } = row;
  const type = personTypes[actorKind];
  const who = type ? { reference: `${type}/${actorId}` } : { identifier: { value: actorId } };
  const actor: AuditEventAgent = { who, requestor: onBehalfOf === undefined };
  const roles = role === undefined ? undefined : [{ text: `PractitionerRole/${role}` }];
  const human =
    onBehalfOf === undefined
      ? []
      : [{ who: { reference: `Practitioner/${onBehalfOf}` }, requestor: true, role: roles }];
  const oid = organizationOf(row);
  const organization: AuditEventAgent[] = oid
    ? [{ who: { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${oid}` } }, requestor: false }]
    : [];
  return [...human, human.length > 0 ? actor : { ...actor, role: roles }, ...organization];
}

function entitiesOf({ resourceType, resourceId, subject }: FoundRow["row"]): AuditEventEntity[] {
  const entities: AuditEventEntity[] = [];
  if (resourceType && resourceId) entities.push({ what: { reference: `${resourceType}/${resourceId}` } });
  else if (resourceType) entities.push({ description: resourceType });
  const isWorker = resourceType === "Practitioner" || resourceType === "PractitionerRole";
  if (subject)
    entities.push({
      what: { reference: `${isWorker ? "Practitioner" : "Patient"}/${subject}` },
      role: patientRole,
    });
  return entities;
}

const patientRole = { system: "http://terminology.hl7.org/CodeSystem/object-role", code: "1" };
