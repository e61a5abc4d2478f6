import type { FastifyRequest } from "fastify";
import type { SigningCertificates } from "../../flows/signature/certificates.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { SigningCertificate } from "../../store/signing-certificates.ts";
import type { CabinetOperations } from "./routes.ts";
import { signingWorkerOf } from "./signing-worker.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyCertificatesParts {
  door: SessionDoor;
  signingCertificates: SigningCertificates;
}

/** Certificates of the worker's tool: bound after a check, watched, and stopped when a key is lost (E-08, E-24, E-25). */
export function myCertificateOperations({
  door,
  signingCertificates,
}: MyCertificatesParts): CabinetOperations {
  return {
    listMyCertificates: async (request) => {
      const { personId } = door.requireWorker(request);
      await record(request, "search");
      const [bound, ending, signingStopped] = await Promise.all([
        signingCertificates.of(personId),
        signingCertificates.ending(),
        signingCertificates.isStopped(personId),
      ]);
      const days = new Map(ending.map((one) => [one.fingerprint, one.days]));
      return { items: bound.map((one) => certificateView(one, days.get(one.fingerprint))), signingStopped };
    },
    bindMyCertificate: async (request, reply) => {
      const worker = signingWorkerOf(door, request);
      const { certificate, chain = [] } = request.body as { certificate: string; chain?: string[] };
      const fromBase64 = (text: string) => Buffer.from(text, "base64");
      const bound = await signingCertificates.bind(worker, fromBase64(certificate), chain.map(fromBase64));
      await record(request, "bind-certificate", bound.fingerprint);
      return reply.code(201).send(certificateView(bound));
    },
    reportMyKeyLost: async (request) => {
      const { personId } = door.requireWorker(request);
      const { fingerprint } = request.params as { fingerprint: string };
      const steps = await signingCertificates.reportLost(personId, fingerprint);
      await record(request, "key-lost", fingerprint);
      return { steps: [...steps] };
    },
  };
}

function record(request: FastifyRequest, action: string, resourceId?: string): Promise<void> {
  const { id: subject } = request.ctx.actor;
  return request.journal({ action, resourceType: "Certificate", resourceId, subject });
}

function certificateView(
  { fingerprint, boundAt, notAfter, lostAt }: SigningCertificate,
  days?: number,
): View["SigningCertificate"] {
  return {
    fingerprint,
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
