import type { FastifyReply, FastifyRequest } from "fastify";
import type { SessionFacts } from "../../access/session-facts.ts";
import { type CheckRun, fieldTitles, resultTitles } from "../../flows/verification/outcome.ts";
import type { Verifications } from "../../flows/verification/verifications.ts";
import { jsonAnswer } from "../../plugins/idempotency.ts";
import type { Access } from "../../plugins/journal.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { CabinetOperations } from "./routes.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

interface VerificationDoor {
  door: SessionDoor;
  verifications: Verifications;
}

/** «Проверить данные» (V-21 to V-23): a check, the history of checks, and the confirmation of a full match. */
export function verificationOperations({ door, verifications }: VerificationDoor): CabinetOperations {
  return {
    verifyMe: async (request: FastifyRequest, reply: FastifyReply) => {
      const session = door.requireWorker(request);
      request.authorize("read", { type: "VerificationResult", subject: session.personId });
      const run = await verifications.verify(session, request.ctx, (trx, kept) =>
        request.settle(trx, {
          ...jsonAnswer(reply, 201, checkView(kept)),
          accesses: [verificationOf(session, kept)],
        }),
      );
      return reply.code(201).send(checkView(run));
    },
    listMyVerifications: async (request: FastifyRequest) => {
      const { personId } = door.requireWorker(request);
      request.authorize("search", { type: "VerificationResult", subject: personId });
      const runs = await verifications.history(personId);
      await record(request, { action: "search", resourceType: "VerificationResult" });
      return { items: runs.map(checkView) };
    },
    getMyConfirmation: async (request: FastifyRequest, reply: FastifyReply) => {
      const { personId } = door.requireWorker(request);
      request.authorize("read", { type: "VerificationResult", subject: personId });
      const { id } = request.params as { id: string };
      const pdf = await verifications.confirmation(personId, id);
      await record(request, { action: "read", resourceType: "DocumentReference", resourceId: id });
      return reply
        .type("application/pdf")
        .header("content-disposition", `attachment; filename="confirmation-${id}.pdf"`)
        .send(pdf);
    },
  };
}

const verificationOf = ({ personId }: SessionFacts, { id, result }: CheckRun): Access => ({
  action: result === "confirmed" ? "identity-verified" : "identity-not-verified",
  resourceType: "VerificationResult",
  resourceId: id,
  subject: personId,
});

function record(
  request: FastifyRequest,
  access: { action: string; resourceType: string; resourceId?: string },
): Promise<void> {
  return request.journal({ ...access, subject: request.ctx.actor.id });
}

function checkView({ id, result, at, fields }: CheckRun): View["IdentityCheck"] {
  const isConfirmed = result === "confirmed";
  return {
    id,
    result,
    title: resultTitles[result],
    checkedAt: new Date(at).toISOString(),
    fields: fields.map((field) => ({ field, title: fieldTitles[field] })),
    ...(isConfirmed
      ? { confirmation: `/cabinet/v1/me/verifications/${id}/confirmation` }
      : {
          remedy:
            "Исправьте названные сведения в профиле Госуслуг или в ФРМР через кадровую службу и войдите снова",
        }),
  };
}
