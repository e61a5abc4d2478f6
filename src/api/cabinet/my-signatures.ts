import type { FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import { groundText } from "../../access/ground-text.ts";
import { GatewayError } from "../../core/errors.ts";
import { jsonAnswer } from "../../plugins/idempotency.ts";
import type { KeptAnswer } from "../../store/idempotency.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import { listAwaited } from "./awaited-signatures.ts";
import { prepareSignature } from "./prepare-signature.ts";
import type { CabinetOperations } from "./routes.ts";
import { authorizeSigning, type MySignaturesParts, moveOf, record, resourceOf } from "./signature-access.ts";
import { eventView, requestView } from "./signature-view.ts";
import { signingWorkerOf } from "./signing-worker.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

type ById = { id: string };

const listLength = 100;

/** The worker's own signatures: prepare, give, look at, take back. */
export function mySignatureOperations(parts: MySignaturesParts): CabinetOperations {
  const { door, signatures, coSignatures, signingPage } = parts;
  return {
    listMySignatures: (request) => list(parts, request),
    listAwaitedSignatures: (request) => listAwaited(parts, request),
    prepareMySignature: async (request, reply) => {
      const worker = signingWorkerOf(door, request);
      const view = async (kept: KeptSignature, trx?: Kysely<Schema>) => ({
        ...requestView(kept, { checks: [], signers: await coSignatures.signersOf(kept, trx) }),
        content: contentOf(kept),
        signingPage,
      });
      const move = moveOf(request, "prepare-signature", async (trx, kept) =>
        jsonAnswer(reply, 201, await view(kept, trx)),
      );
      const kept = await prepareSignature(parts, worker, { request, move });
      if (!move.hasMoved()) await record(request, { action: "prepare-signature", kept });
      return reply.code(201).send(await view(kept));
    },
    getMySignature: async (request) => {
      const { personId } = door.requireWorker(request);
      const { signature, checks } = await signatures.find({ personId }, (request.params as ById).id);
      await request.authorizeOne("read", resourceOf(signature));
      await record(request, { action: "read", kept: signature });
      const signers = await coSignatures.signersOf(signature);
      return { ...requestView(signature, { checks, signers }), content: contentOf(signature), signingPage };
    },
    submitMySignature: (request, reply) => submit(parts, request, reply),
    signForOrganization: (request) => organizationSignature(parts, request),
    cancelMySignature: async (request, reply) => {
      const { personId } = door.requireWorker(request);
      const { id } = request.params as ById;
      await signatures.cancel(
        { personId },
        id,
        moveOf(request, "cancel-signature", () => noContent),
      );
      return reply.code(204).send();
    },
  };
}

/** Every event of the worker's own; of a document that is closed to them now no more than that (E-13). */
async function list(
  { door, signatures, coSignatures }: MySignaturesParts,
  request: FastifyRequest,
): Promise<{ items: View["SignatureRequest"][] }> {
  const { personId } = door.requireWorker(request);
  const mine = await signatures.mine({ personId }, listLength);
  const decisions = await request.authorizeAll("search", mine.map(resourceOf));
  const items = await Promise.all(
    mine.map(async (kept, index) => {
      const decision = decisions[index];
      if (!decision?.permit) return eventView(kept);
      if (kept.subject !== undefined)
        await record(request, { action: "search", kept, ground: groundText(decision) });
      return requestView(kept, { checks: [], signers: await coSignatures.signersOf(kept) });
    }),
  );
  await record(request, { action: "search" });
  return { items };
}

async function submit(
  { door, signatures, coSignatures, signingPage }: MySignaturesParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const worker = signingWorkerOf(door, request);
  const { id } = request.params as ById;
  const { signature: text, powerOfAttorney } = request.body as {
    signature: string;
    powerOfAttorney?: string;
  };
  const container = Buffer.from(text, "base64");
  await authorizeSigning(request, (await signatures.find(worker, id)).signature);
  const answered = async (trx: Kysely<Schema> | undefined, moved: KeptSignature) => {
    const checks = await signatures.checksOf(moved, trx);
    const signers = await coSignatures.signersOf(moved, trx);
    const view = { ...requestView(moved, { checks, signers }), signingPage };
    if (moved.state !== "verification-pending") return jsonAnswer(reply, 200, view);
    // queued: here is its state later, and as a Task for FHIR clients (E-26)
    const queued = jsonAnswer(reply, 202, { ...view, task: `Task/${id}` });
    const location = `/cabinet/v1/me/signatures/${id}`;
    return { ...queued, headers: { ...queued.headers, "content-location": location } };
  };
  const submission = { container, powerOfAttorney };
  const move = moveOf(request, "sign", answered);
  const { signature } = await signatures.submit(worker, id, submission, move);
  // the same signature once more: what stands is shown again
  if (!move.hasMoved()) await record(request, { action: "sign", kept: signature });
  const { status, headers, body } = await answered(undefined, signature);
  return reply.code(status).headers(headers).send(body);
}

/** The organisation signs only what is in force: not what waits for its verification or further signers, nor what was superseded. */
async function organizationSignature(
  { door, signatures, coSignatures, orgSigner }: MySignaturesParts,
  request: FastifyRequest,
): Promise<View["OrganizationSignature"]> {
  const { personId, organization } = signingWorkerOf(door, request);
  const { id } = request.params as ById;
  const { signature: kept } = await signatures.find({ personId }, id);
  if (kept.purpose !== "document" || kept.tenant !== organization)
    throw new GatewayError("not-found", { field: "id" });
  coSignatures.requireInForce(kept);
  await authorizeSigning(request, kept);
  if (!orgSigner) throw new GatewayError("signing-not-allowed", { detail: "nobody signs for organisations" });
  const order = { organization, content: kept.content, idempotencyKey: id };
  const cms = await orgSigner.sign(order, request.ctx);
  await record(request, { action: "sign-for-organization", kept });
  return { signature: Buffer.from(cms).toString("base64"), sigFormat: "application/pkcs7-signature" };
}

const noContent: KeptAnswer = { status: 204, headers: {}, body: new Uint8Array() };

const contentOf = ({ content }: KeptSignature): string => Buffer.from(content).toString("base64");
