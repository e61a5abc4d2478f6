import type { FastifyReply, FastifyRequest } from "fastify";
import type { OpenSection, PostTable } from "../../access/post-rights.ts";
import {
  type Capability,
  certificateCapabilities,
  type SessionFacts,
  sectionOfCapability,
} from "../../access/session-facts.ts";
import { errorTable } from "../../core/error-table.ts";
import { postsAt } from "../../flows/acting-worker.ts";
import type { SignInChoices } from "../../flows/sign-in/choices.ts";
import type { SigningCertificates } from "../../flows/signature/certificates.ts";
import type { Verifications } from "../../flows/verification/verifications.ts";
import type { Profile, WorkerProfiles } from "../../flows/worker-profile.ts";
import { jsonAnswer, keptAnswer } from "../../plugins/idempotency.ts";
import type { Access } from "../../plugins/journal.ts";
import { requireSession, type SessionDoor } from "../../plugins/session.ts";
import type { DeviceNotice, SignIns } from "../../store/sign-ins.ts";
import type { TermsAcceptances } from "../../store/terms.ts";
import { verificationOperations } from "./me-verification.ts";
import { roleView, sendCard, sourceView } from "./registry-card.ts";
import type { CabinetOperations } from "./routes.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MeParts {
  door: SessionDoor;
  choices: SignInChoices;
  signIns: SignIns;
  terms: TermsAcceptances;
  termsVersion: string;
  profiles: WorkerProfiles;
  postTable: Pick<PostTable, "sectionsOf">;
  verifications: Verifications;
  signingCertificates: Pick<SigningCertificates, "isActive">;
  /** address of the FHIR door */
  fhirUrl: string;
}

/** The operations of `/cabinet/v1/me`: the person who signed in, known by the session alone. */
export function meOperations(parts: MeParts): CabinetOperations {
  return {
    getMe: (request) => me(parts, request),
    getMyRegistryCard: (request, reply) => myRegistryCard(parts, request, reply),
    chooseMyOrganization: (request, reply) => chooseOrganization(parts, request, reply),
    acceptTerms: (request, reply) => acceptTerms(parts, request, reply),
    ...verificationOperations(parts),
  };
}

const nothing = { value: { roles: [] } as Profile, sources: [] };

async function me(parts: MeParts, request: FastifyRequest): Promise<View["Me"]> {
  const session = requireSession(request);
  const { kind, personId, owner } = session;
  const isWorker = kind === "worker";
  const resourceType = isWorker ? "Practitioner" : "Patient";
  request.authorize("read", { type: resourceType, subject: personId });
  const [profile, devices, acceptedAt, isCertified] = await Promise.all([
    isWorker ? parts.profiles.profile(personId, request.ctx) : nothing,
    parts.signIns.notices(owner),
    parts.terms.acceptedAt(owner, parts.termsVersion),
    isWorker && parts.signingCertificates.isActive(personId),
  ]);
  const capabilities = parts.door.capabilities(session);
  const sections = sectionsOf(parts, session, profile.value);
  await request.journal({ action: "read", resourceType, resourceId: personId, subject: personId });
  return {
    ...identityView(session),
    roles: profile.value.roles.map(roleView),
    organization: session.organization,
    organizations: [...session.organizations],
    terms: termsView(parts.termsVersion, acceptedAt),
    capabilities: [
      ...capabilities,
      ...(isCertified && capabilities.includes("signing") ? certificateCapabilities : []),
    ].filter((one) => !isWorker || isOpened(one, sections)),
    sections,
    notices: [...refusalNotice(profile.value), ...devices.map(deviceNotice)],
    sources: profile.sources.map(sourceView),
  };
}

function identityView({ personId, kind, name, person, confirmed, authTime, registry }: SessionFacts) {
  const [parts] = person.name ?? [];
  return {
    id: personId,
    kind,
    name: { text: name, family: parts?.family, given: [...(parts?.given ?? [])] },
    birthDate: person.birthDate,
    gender: person.gender,
    confirmed,
    signedInAt: instant(authTime),
    registry: registry && { verifiedAt: instant(registry.verifiedAt), fresh: registry.fresh },
  };
}

/** What the posts open in the chosen organisation: as ФРМР holds them now, else as they were at sign-in (Z-05). */
function sectionsOf(
  { postTable }: MeParts,
  { organization }: SessionFacts,
  { roles }: Profile,
): OpenSection[] {
  if (!organization) return [];
  const posts = roles.length > 0 ? postsAt(roles, organization.oid) : (organization.posts ?? []);
  return postTable.sectionsOf(posts);
}

function isOpened(capability: Capability, sections: readonly OpenSection[]): boolean {
  const needed = sectionOfCapability[capability];
  return !needed || sections.some(({ code, [needed.right]: isOpen }) => code === needed.section && isOpen);
}

function termsView(version: string, acceptedAt: number | undefined): View["Terms"] {
  const accepted = acceptedAt !== undefined;
  return { version, accepted, ...(accepted && { acceptedAt: instant(acceptedAt) }) };
}

function refusalNotice({ refusal }: Profile): View["Notice"][] {
  if (!refusal) return [];
  const { text, remedy } = errorTable[refusal];
  return [{ code: refusal, text, remedy }];
}

const deviceNotice = ({ at, circumstances }: DeviceNotice): View["Notice"] => ({
  code: "new-device",
  text: `Вход с нового устройства: ${circumstances.browser}`,
  remedy: "Если это были не вы, сразу смените пароль Госуслуг и обратитесь в поддержку",
  at: instant(at),
});

async function myRegistryCard(
  { door, profiles, fhirUrl }: MeParts,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { personId } = door.requireWorker(request);
  request.authorize("read", { type: "Practitioner", subject: personId });
  const card = await profiles.card(personId, request.ctx);
  await request.journal({
    action: "read",
    resourceType: "Practitioner",
    resourceId: personId,
    subject: personId,
  });
  return sendCard(card, fhirUrl, request, reply);
}

async function chooseOrganization({ choices }: MeParts, request: FastifyRequest, reply: FastifyReply) {
  const session = requireSession(request);
  const { oid } = request.body as { oid: string };
  const accesses = [choiceOf(session, "choose-organization")];
  await choices.organization(session, oid, (trx, forgotten) =>
    request.settle(trx, { ...keptAnswer(reply.code(204), ""), forgotten, accesses }),
  );
  return reply.send();
}

async function acceptTerms(
  { choices }: MeParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<View["Terms"]> {
  const session = requireSession(request);
  const { version } = request.body as { version: string };
  const accesses = [choiceOf(session, "accept-terms")];
  const acceptedAt = await choices.terms(session, version, (trx, forgotten, at) =>
    request.settle(trx, { ...jsonAnswer(reply, 200, termsView(version, at)), forgotten, accesses }),
  );
  return termsView(version, acceptedAt);
}

const choiceOf = ({ id, personId }: SessionFacts, action: string): Access => ({
  action,
  resourceType: "Session",
  resourceId: id,
  subject: personId,
});

const instant = (at: number): string => new Date(at).toISOString();
