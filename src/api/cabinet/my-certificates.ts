import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../core/clock.ts";
import { recipientOf } from "../../flows/recipient.ts";
import type { SentCode } from "../../flows/sent-code.ts";
import type { CertificateActivation, Holder } from "../../flows/signature/activation.ts";
import type { SigningCertificates, Within } from "../../flows/signature/certificates.ts";
import { jsonAnswer } from "../../plugins/idempotency.ts";
import type { Access } from "../../plugins/journal.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { SigningCertificate } from "../../store/signing-certificates.ts";
import { codeView } from "./code-view.ts";
import type { CabinetOperations } from "./routes.ts";
import { signingWorkerOf } from "./signing-worker.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyCertificatesParts {
  door: SessionDoor;
  signingCertificates: SigningCertificates;
  certificateActivation: CertificateActivation;
  clock: Clock;
}

/** Certificates of the worker's tool: bound after a check, watched, and stopped when a key is lost (E-08, E-24, E-25). */
export function myCertificateOperations(parts: MyCertificatesParts): CabinetOperations {
  const { door, signingCertificates, certificateActivation, clock } = parts;
  return {
    listMyCertificates: (request) => list(parts, request),
    bindMyCertificate: (request, reply) => bind(parts, request, reply),
    sendMyCertificateCode: async (request, reply) => {
      const { fingerprint } = request.params as ByFingerprint;
      const deed = deedOf(request, reply, { action: "certificate-code-sent", view: codeView });
      return codeView(await certificateActivation.sendCode(holderOf(door, request), fingerprint, deed));
    },
    confirmMyCertificate: async (request, reply) => {
      const { fingerprint } = request.params as ByFingerprint;
      const { code } = request.body as { code: string };
      const { owner, personId } = door.requireWorker(request);
      const view = (active: SigningCertificate) => certificateView(active, clock.now());
      const deed = deedOf(request, reply, { action: "activate-certificate", view });
      return view(await certificateActivation.confirm({ owner, personId }, { fingerprint, code }, deed));
    },
    reportMyKeyLost: async (request, reply) => {
      const { personId } = door.requireWorker(request);
      const { fingerprint } = request.params as ByFingerprint;
      const view = (steps: readonly string[]) => ({ steps: [...steps] });
      const deed = deedOf(request, reply, { action: "key-lost", view });
      return view(await signingCertificates.reportLost(personId, fingerprint, deed));
    },
  };
}

async function list({ door, signingCertificates, clock }: MyCertificatesParts, request: FastifyRequest) {
  const { personId } = door.requireWorker(request);
  await request.journal(accessOf(request, "search"));
  const [bound, ending, signingStopped] = await Promise.all([
    signingCertificates.of(personId),
    signingCertificates.ending(),
    signingCertificates.isStopped(personId),
  ]);
  const days = new Map(ending.map((one) => [one.fingerprint, one.days]));
  const items = bound.map((one) => certificateView(one, clock.now(), days.get(one.fingerprint)));
  return { items, signingStopped };
}

async function bind(parts: MyCertificatesParts, request: FastifyRequest, reply: FastifyReply) {
  const { door, signingCertificates, certificateActivation, clock } = parts;
  const worker = signingWorkerOf(door, request);
  const { certificate, chain = [] } = request.body as { certificate: string; chain?: string[] };
  const fromBase64 = (text: string) => Buffer.from(text, "base64");
  const offered = { der: fromBase64(certificate), chain: chain.map(fromBase64) };
  const holder = holderOf(door, request);
  let code: SentCode | undefined;
  const view = (bound: SigningCertificate): View["SigningCertificate"] => {
    const shown = certificateView(bound, clock.now());
    return code ? { ...shown, code: codeView(code) } : shown;
  };
  const bound = await signingCertificates.bind(worker, offered, async (trx, own) => {
    code = await certificateActivation.sendFirstCode(trx, holder, own.fingerprint);
    const accesses = [accessOf(request, "bind-certificate", own.fingerprint)];
    await request.settle(trx, { ...jsonAnswer(reply, 201, view(own)), accesses });
  });
  return reply.code(201).send(view(bound));
}

/** Journals the deed and keeps its answer in its transaction: a repeat after any crash gets it. */
const deedOf =
  <T>(
    request: FastifyRequest,
    reply: FastifyReply,
    { action, view }: { action: string; view(outcome: T): object },
  ): Within<T> =>
  (trx, outcome) =>
    request.settle(trx, {
      ...jsonAnswer(reply, 200, view(outcome)),
      accesses: [accessOf(request, action, (request.params as ByFingerprint).fingerprint)],
    });

type ByFingerprint = { fingerprint: string };

/** Whom a code reaches; throws `contact-missing`. */
function holderOf(door: SessionDoor, request: FastifyRequest): Holder {
  const { owner, personId, person } = door.requireWorker(request);
  return { owner, personId, to: recipientOf(person) };
}

const accessOf = ({ ctx }: FastifyRequest, action: string, resourceId?: string): Access => ({
  ...{ action, resourceType: "Certificate", resourceId, subject: ctx.actor.id },
});

function stateOf(
  { activatedAt, lostAt, notAfter }: SigningCertificate,
  now: number,
): View["SigningCertificate"]["state"] {
  if (lostAt !== undefined) return "lost";
  if (notAfter < now) return "ended";
  return activatedAt === undefined ? "pending" : "active";
}

function certificateView(
  certificate: SigningCertificate,
  now: number,
  days?: number,
): View["SigningCertificate"] {
  const { fingerprint, boundAt, notAfter, lostAt } = certificate;
  return {
    fingerprint,
    state: stateOf(certificate, now),
    boundAt: new Date(boundAt).toISOString(),
    validUntil: new Date(notAfter).toISOString(),
    lost: lostAt !== undefined,
    ...(days !== undefined && { notice: endNotice(days) }),
  };
}

const endNotice = (days: number): View["SignatureProblem"] => ({
  code: days < 0 ? "certificate-ended" : "certificate-ends",
  text: days < 0 ? "Срок действия сертификата истёк" : `Сертификат истекает через ${days} дн.`,
  remedy: "Получите новый сертификат в удостоверяющем центре и добавьте его в профиль",
});
