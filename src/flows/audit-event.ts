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
import { isCut } from "../store/journal-circumstances.ts";
import { type JournalRow, organizationOf } from "../store/journal-format.ts";
import type { FoundRow } from "../store/journal-search.ts";
import { profilesOf } from "./audit-profiles.ts";

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

/**
 * A row of the journal, which never changes, as IHE BALP lays it out: who, when, whose data, why, with what outcome.
 * `server` is the gateway's public address.
 */
export const toAuditEvent = (found: FoundRow, server: string): AuditEvent =>
  versioned(auditEvent(found, server), found.row.at);

const terminology = "http://terminology.hl7.org/CodeSystem";
const balp = "https://profiles.ihe.net/ITI/BALP/CodeSystem";
const gateway = { display: "cabinet-gateway" };
const applicationServer = { system: `${terminology}/security-source-type`, code: "4" };

function auditEvent({ place, row }: FoundRow, server: string): AuditEvent {
  const { at, outcome, purpose } = row;
  const subject = subjectOf(row);
  const profile = profilesOf({
    row,
    isOfPatient: subject?.startsWith("Patient/") ?? false,
    hasUser: humanOf(row) !== undefined,
  });
  const known = interactions[row.action];
  const action = known?.action ?? (takenAway.has(row.action) ? "R" : "E");
  const status = outcome === "ok" ? 200 : errorTable[outcome].status;
  return {
    resourceType: "AuditEvent",
    id: `${place.group}.${place.n}`,
    ...(profile.length > 0 && { meta: { profile } }),
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
    agent: agentsOf(row, action, server),
    source: { observer: gateway, type: [applicationServer] },
    entity: [...entitiesOf(row, subject), transactionOf(row)],
  };
}

const purposeOfUse = (code: JournalRow["purpose"]): CodeableConcept[] | undefined =>
  code && [{ coding: [{ system: `${terminology}/v3-ActReason`, code }] }];

const dicom = (code: string): Coding => ({ system: "http://dicom.nema.org/resources/ontology/DCM", code });
const source = dicom("110153");
const destination = dicom("110152");
const recipient = { system: `${terminology}/v3-ParticipationType`, code: "IRCP" };
const author = { system: `${terminology}/v3-ParticipationType`, code: "AUT" };
const tokenUser = { system: `${balp}/UserAgentTypes`, code: "UserOauthAgent" };
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

function humanOf({ actorKind, actorId, onBehalfOf }: JournalRow): string | undefined {
  const type = personTypes[actorKind];
  return type ? `${type}/${actorId}` : onBehalfOf && `Practitioner/${onBehalfOf}`;
}

/** Whose data it was: a worker's in what registries say of workers, and in what workers see of themselves. */
function subjectOf(row: JournalRow): string | undefined {
  const { resourceType, subject } = row;
  if (subject === undefined) return undefined;
  const worker = `Practitioner/${subject}`;
  const isWorker =
    resourceType === "Practitioner" || resourceType === "PractitionerRole" || humanOf(row) === worker;
  return isWorker ? worker : `Patient/${subject}`;
}

function agentsOf(row: JournalRow, action: Action, address: string): AuditEventAgent[] {
  const { role, purpose, token } = row;
  const part = parts[action];
  const human = humanOf(row);
  const asked: Omit<AuditEventAgent, "who" | "type"> = {
    requestor: true,
    role: role === undefined ? undefined : [{ text: `PractitionerRole/${role}` }],
    purposeOfUse: purposeOfUse(purpose),
  };
  const client = clientOf(row, part.client);
  const server: AuditEventAgent = {
    type: { coding: [part.server] },
    who: gateway,
    requestor: false,
    network: { address, type: "5" },
  };
  const user: AuditEventAgent = {
    type: { coding: token === undefined ? [part.user] : [part.user, tokenUser] },
    ...(human && { who: { reference: human } }),
    ...asked,
    // RFC 3553: the token's id, not the token
    ...(token !== undefined && { policy: [`urn:ietf:params:oauth:jti:${token}`] }),
  };
  return [...(human ? [user] : []), human ? client : { ...client, ...asked }, server, ...placesOf(row)];
}

const clientOf = ({ actorKind, actorId, address }: JournalRow, type: Coding): AuditEventAgent => ({
  type: { coding: [type] },
  // people in person come through the cabinet
  who: personTypes[actorKind] === undefined ? { identifier: { value: actorId } } : { display: "cabinet" },
  requestor: false,
  ...(address !== undefined && { network: { address, type: "2" } }),
});

function placesOf(row: JournalRow): AuditEventAgent[] {
  const oid = organizationOf(row);
  if (!oid) return [];
  const who = { identifier: { system: identifierSystem.oid, value: `urn:oid:${oid}` } };
  return [{ type: { coding: [provider] }, who, requestor: false }];
}

const entityType = (code: string): Coding => ({ system: `${terminology}/audit-entity-type`, code });
const objectRole = (code: string): Coding => ({ system: `${terminology}/object-role`, code });

const person = entityType("1");
const systemObject = entityType("2");
const patientRole = objectRole("1");
const domainResource = objectRole("4");
const practitionerRole = objectRole("15");
const queryRole = objectRole("24");
const organization = entityType("3");
const repository = objectRole("17");

function entitiesOf(row: JournalRow, subject: string | undefined): AuditEventEntity[] {
  const { action, resourceType, resourceId, holder } = row;
  const entities = action === "search" ? [queryOf(row)] : [];
  if (resourceType && resourceId)
    entities.push({
      what: { reference: `${resourceType}/${resourceId}` },
      // of a query the one system object is the query itself
      type:
        action === "search"
          ? { system: "http://hl7.org/fhir/resource-types", code: resourceType }
          : systemObject,
      role: domainResource,
    });
  else if (resourceType && action !== "search")
    entities.push({ type: systemObject, role: domainResource, description: resourceType });
  if (subject !== undefined)
    entities.push({
      what: { reference: subject },
      type: person,
      role: subject.startsWith("Patient/") ? patientRole : practitionerRole,
    });
  if (holder !== undefined)
    entities.push({
      what: { identifier: { system: identifierSystem.oid, value: `urn:oid:${holder}` } },
      type: organization,
      role: repository,
    });
  return entities;
}

/** The search as it was asked, in base64; of one that was kept in part the description says so. */
const queryOf = ({ resourceType, query }: JournalRow): AuditEventEntity => ({
  type: systemObject,
  role: queryRole,
  description: query !== undefined && isCut(query) ? `${resourceType}, its beginning only` : resourceType,
  ...(query !== undefined && { query: Buffer.from(query).toString("base64") }),
});

/** The request, with what was decided on it: what permitted it, or what it was refused for and what was missing. */
function transactionOf({ requestId, ground }: JournalRow): AuditEventEntity {
  const meaning = readGround(ground)?.reason.meaning;
  const details = { ground, meaning };
  return {
    what: { identifier: { value: requestId } },
    type: { system: `${balp}/BasicAuditEntityType`, code: "XrequestId" },
    detail: Object.entries(details).flatMap(([type, valueString]) =>
      valueString ? [{ type, valueString }] : [],
    ),
  };
}
