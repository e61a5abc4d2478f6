import type { FastifyReply, FastifyRequest } from "fastify";
import type { AccessAction } from "../../access/access-facts.ts";
import type { SessionFacts } from "../../access/session-facts.ts";
import type { Clock } from "../../core/clock.ts";
import { type ConsentTerms, rightsOf, type StoredConsent } from "../../flows/consent/consent-terms.ts";
import type { Consents, PreparedConsent } from "../../flows/consent/consents.ts";
import { fullYears } from "../../flows/full-years.ts";
import { jsonAnswer } from "../../plugins/idempotency.ts";
import type { Access } from "../../plugins/journal.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import { codeView } from "./code-view.ts";
import type { CabinetOperations } from "./routes.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface ConsentDoor {
  door: SessionDoor;
  consents: Consents;
  clock: Clock;
}

/** What a patient permits, forbids and takes back (`/me/consents`), and what a worker was permitted (`/me/permissions`). */
export function consentOperations(parts: ConsentDoor): CabinetOperations {
  return {
    listMyConsents: (request) => listConsents(parts, request),
    prepareConsent: (request, reply) => prepare(parts, request, reply),
    sendConsentCode: (request, reply) => sendCode(parts, request, reply),
    confirmConsent: (request, reply) => settle(parts, "confirm", request, reply),
    withdrawConsent: (request, reply) => settle(parts, "withdraw", request, reply),
    listMyPermissions: (request) => listPermissions(parts, request),
  };
}

async function listConsents(parts: ConsentDoor, request: FastifyRequest): Promise<View["Consents"]> {
  const session = parts.door.requireCitizen(request);
  const { patient = session.personId } = request.query as { patient?: string };
  await allow(parts, request, { session, action: "search", patient });
  const found = await parts.consents.about(patient);
  await request.journal({ action: "search", resourceType: "Consent", subject: patient });
  return { consents: found.map(consentView) };
}

async function prepare(parts: ConsentDoor, request: FastifyRequest, reply: FastifyReply) {
  const session = parts.door.requireCitizen(request);
  const terms = termsOf(request.body as View["ConsentTerms"], session);
  await allow(parts, request, { session, action: "create", patient: terms.patient.id });
  const prepared = await parts.consents.prepare(session, terms, {
    ctx: request.ctx,
    within: (trx, made) =>
      request.settle(trx, {
        ...jsonAnswer(reply, 201, preparedView(made)),
        accesses: [accessOf("consent-prepared", made.consent)],
      }),
  });
  return reply.code(201).send(preparedView(prepared));
}

async function sendCode(
  parts: ConsentDoor,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<View["SentCode"]> {
  const session = parts.door.requireCitizen(request);
  const { id } = request.params as { id: string };
  const { consent } = await parts.consents.find(id);
  await allow(parts, request, { session, action: "update", patient: consent.patient.id, id });
  const code = await parts.consents.resend(session, consent, (trx, sent) =>
    request.settle(trx, {
      ...jsonAnswer(reply, 200, codeView(sent)),
      accesses: [accessOf("consent-code-sent", consent)],
    }),
  );
  return codeView(code);
}

const settled = { confirm: "consent-granted", withdraw: "consent-withdrawn" } as const;

async function settle(
  parts: ConsentDoor,
  deed: "confirm" | "withdraw",
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<View["Consent"]> {
  const session = parts.door.requireCitizen(request);
  const { id } = request.params as { id: string };
  const { code } = request.body as { code: string };
  const { consent } = await parts.consents.find(id);
  await allow(parts, request, { session, action: "update", patient: consent.patient.id, id });
  const moved = await parts.consents[deed](session, {
    id,
    code,
    within: (trx, outcome) =>
      request.settle(trx, {
        ...jsonAnswer(reply, 200, consentView(outcome)),
        forgotten: [outcome.patient.id],
        accesses: [accessOf(settled[deed], outcome)],
      }),
  });
  return consentView(moved);
}

async function listPermissions(parts: ConsentDoor, request: FastifyRequest): Promise<View["Consents"]> {
  const { personId, organization } = parts.door.requireWorker(request);
  const found = await parts.consents.naming(personId, organization.oid);
  const decisions = await request.authorizeAll(
    "search",
    found.map(({ id, patient, grantee }) => ({
      type: "Consent",
      id,
      subject: patient.id,
      agent: grantee?.practitioner?.id,
      organization: grantee?.organization?.id,
    })),
  );
  const permitted = found.filter((_, index) => decisions[index]?.permit);
  await Promise.all(permitted.map((consent) => request.journal(accessOf("search", consent))));
  if (permitted.length === 0) await request.journal({ action: "search", resourceType: "Consent" });
  return { consents: permitted.map(consentView) };
}

/** Throws `access-denied` unless the person may do it to this patient's consents; of themselves the session knows the age. */
async function allow(
  { clock }: ConsentDoor,
  request: FastifyRequest,
  {
    session,
    action,
    patient,
    id,
  }: { session: SessionFacts; action: AccessAction; patient: string; id?: string },
): Promise<void> {
  const resource = { type: "Consent", subject: patient, ...(id && { id }) };
  if (patient !== session.personId) return request.authorizeOne(action, resource);
  request.authorize(action, resource, { patientAge: fullYears(session.person.birthDate, clock.now()) });
}

const accessOf = (action: string, { id, patient }: StoredConsent): Access => ({
  action,
  resourceType: "Consent",
  resourceId: id,
  subject: patient.id,
});

function termsOf(body: View["ConsentTerms"], { personId, name }: SessionFacts): ConsentTerms {
  const { kind, decision = "permit", patient = personId, grantee, types, labels, from, until } = body;
  const { practitioner, organization, booked } = grantee ?? {};
  return {
    kind,
    decision,
    patient: patient === personId ? { id: personId, name } : { id: patient },
    ...(grantee && {
      grantee: {
        ...(practitioner && { practitioner: { id: practitioner } }),
        ...(organization && { organization: { id: organization } }),
        ...(booked && { booked }),
      },
    }),
    rights: rightsOf({ kind, decision }, body.rights),
    ...(types && { types }),
    ...(labels && { labels }),
    ...(from && { from: Date.parse(from) }),
    ...(until && { until: Date.parse(until) }),
  };
}

function consentView(consent: StoredConsent): View["Consent"] {
  const { id, kind, decision, status, patient, grantee, rights, types, labels, text } = consent;
  return {
    id,
    kind,
    title: text.title,
    decision,
    status,
    patient,
    ...(grantee && { grantee: granteeView(grantee) }),
    rights: [...rights],
    ...(types && { types: [...types] }),
    ...(labels && { labels: [...labels] }),
    ...instants(consent),
    text,
    preparedAt: instant(consent.preparedAt),
  };
}

const preparedView = ({ consent, code }: PreparedConsent): View["PreparedConsent"] => ({
  consent: consentView(consent),
  code: codeView(code),
});

function granteeView({ practitioner, organization, booked }: NonNullable<StoredConsent["grantee"]>) {
  return {
    ...(practitioner && { practitioner }),
    ...(organization && { organization: { oid: organization.id, name: organization.name } }),
    ...(booked && { booked }),
  };
}

function instants(
  consent: StoredConsent,
): Pick<View["Consent"], "from" | "until" | "grantedAt" | "withdrawnAt"> {
  const names = ["from", "until", "grantedAt", "withdrawnAt"] as const;
  return Object.fromEntries(
    names.flatMap((name) => (consent[name] === undefined ? [] : [[name, instant(consent[name])]])),
  );
}

const instant = (at: number): string => new Date(at).toISOString();
