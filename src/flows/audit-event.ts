import type {
  AuditEvent,
  AuditEventAgent,
  AuditEventEntity,
  CodeableConcept,
  Coding,
} from "@medplum/fhirtypes";
import { readGround } from "../access/ground-text.ts";
import { canonicalBase, identifierSystem } from "../core/canonical.ts";
import { errorTable } from "../core/error-table.ts";
import { versioned } from "../fhir/version.ts";
import { type JournalRow, organizationOf } from "../store/journal-format.ts";
import type { FoundRow } from "../store/journal-search.ts";

type Action = NonNullable<AuditEvent["action"]>;

const interactions: Readonly<Record<string, { code: string; action: Action }>> = {
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

/** A row of the journal, which never changes, as IHE BALP lays it out: who, when, whose data, why, with what outcome. */
export const toAuditEvent = (found: FoundRow): AuditEvent => versioned(auditEvent(found), found.row.at);

const terminology = "http://terminology.hl7.org/CodeSystem";
const gateway = { display: "cabinet-gateway" };

function auditEvent({ place, row }: FoundRow): AuditEvent {
  const { at, outcome, purpose } = row;
  const known = interactions[row.action];
  const action = known?.action ?? (takenAway.has(row.action) ? "R" : "E");
  const status = outcome === "ok" ? 200 : errorTable[outcome].status;
  return {
    resourceType: "AuditEvent",
    id: `${place.group}.${place.n}`,
    type: { system: `${terminology}/audit-event-type`, code: "rest" },
    subtype: [
      known
        ? { system: "http://hl7.org/fhir/restful-interaction", code: known.code }
        : { system: `${canonicalBase}/CodeSystem/journal-action`, code: row.action },
    ],
    action,
    recorded: new Date(at).toISOString(),
    outcome: outcomeOf(status),
    outcomeDesc: outcome,
    purposeOfEvent: purposeOfUse(purpose),
    agent: agentsOf(row, action),
    source: { observer: gateway },
    entity: [...entitiesOf(row), transactionOf(row)],
  };
}

const purposeOfUse = (code: JournalRow["purpose"]): CodeableConcept[] | undefined =>
  code && [{ coding: [{ system: `${terminology}/v3-ActReason`, code }] }];

const dicom = (code: string): Coding => ({ system: "http://dicom.nema.org/resources/ontology/DCM", code });
const source = dicom("110153");
const destination = dicom("110152");
const recipient = { system: `${terminology}/v3-ParticipationType`, code: "IRCP" };
const author = { system: `${terminology}/v3-ParticipationType`, code: "AUT" };
const provider = { system: `${terminology}/v3-RoleClass`, code: "PROV" };

/** What BALP calls those who take part: a query goes to the server, though its answer comes from there. */
const parts: Readonly<Record<Action, { client: Coding; server: Coding; user: Coding }>> = {
  C: { client: source, server: destination, user: author },
  R: { client: destination, server: source, user: recipient },
  U: { client: source, server: destination, user: author },
  D: {
    client: dicom("110150"),
    server: { system: `${terminology}/provenance-participant-type`, code: "custodian" },
    user: author,
  },
  E: { client: source, server: destination, user: recipient },
};

const personTypes: Readonly<Record<string, string>> = { practitioner: "Practitioner", patient: "Patient" };

function agentsOf(row: JournalRow, action: Action): AuditEventAgent[] {
  const { actorKind, actorId, onBehalfOf, role, purpose } = row;
  const part = parts[action];
  const type = personTypes[actorKind];
  const human = type ? `${type}/${actorId}` : onBehalfOf && `Practitioner/${onBehalfOf}`;
  const asked: Omit<AuditEventAgent, "who" | "type"> = {
    requestor: true,
    role: role === undefined ? undefined : [{ text: `PractitionerRole/${role}` }],
    purposeOfUse: purposeOfUse(purpose),
  };
  const client: AuditEventAgent = {
    type: { coding: [part.client] },
    // people in person come through the cabinet
    who: type ? { display: "cabinet" } : { identifier: { value: actorId } },
    requestor: false,
  };
  const server: AuditEventAgent = { type: { coding: [part.server] }, who: gateway, requestor: false };
  const oid = organizationOf(row);
  const organization: AuditEventAgent = {
    type: { coding: [provider] },
    who: { identifier: { system: identifierSystem.oid, value: `urn:oid:${oid}` } },
    requestor: false,
  };
  return [
    ...(human ? [{ type: { coding: [part.user] }, who: { reference: human }, ...asked }] : []),
    human ? client : { ...client, ...asked },
    server,
    ...(oid ? [organization] : []),
  ];
}

const entityType = (code: string): Coding => ({ system: `${terminology}/audit-entity-type`, code });
const objectRole = (code: string): Coding => ({ system: `${terminology}/object-role`, code });

const person = entityType("1");
const systemObject = entityType("2");
const patientRole = objectRole("1");
const domainResource = objectRole("4");
const practitionerRole = objectRole("15");
const query = objectRole("24");

function entitiesOf({ action, resourceType, resourceId, subject }: JournalRow): AuditEventEntity[] {
  const entities: AuditEventEntity[] = [];
  if (resourceType && resourceId)
    entities.push({
      what: { reference: `${resourceType}/${resourceId}` },
      type: systemObject,
      role: domainResource,
    });
  else if (resourceType)
    entities.push({
      type: systemObject,
      role: action === "search" ? query : domainResource,
      description: resourceType,
    });
  const isWorker = resourceType === "Practitioner" || resourceType === "PractitionerRole";
  if (subject)
    entities.push({
      what: { reference: `${isWorker ? "Practitioner" : "Patient"}/${subject}` },
      type: person,
      role: isWorker ? practitionerRole : patientRole,
    });
  return entities;
}

/** The request, with what was decided on it: what permitted it, or what it was refused for and what was missing. */
function transactionOf({ requestId, ground }: JournalRow): AuditEventEntity {
  const meaning = readGround(ground)?.reason.meaning;
  const details = { ground, meaning };
  return {
    what: { identifier: { value: requestId } },
    type: { system: "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", code: "XrequestId" },
    detail: Object.entries(details).flatMap(([type, valueString]) =>
      valueString ? [{ type, valueString }] : [],
    ),
  };
}
