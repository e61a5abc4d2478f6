import type { FastifyReply, FastifyRequest } from "fastify";
import type { AccessedResource } from "../../access/access-facts.ts";
import { groundText } from "../../access/ground-text.ts";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import { neededSignature } from "../../access/signature-levels.ts";
import { GatewayError } from "../../core/errors.ts";
import type { OrgSigner } from "../../flows/signature/org-signer.ts";
import type { Signatures } from "../../flows/signature/signatures.ts";
import { isInForce, type SignatureState } from "../../flows/signature/state.ts";
import type { DocumentOrder, SignatureTerms, SigningWorker } from "../../flows/signature/terms.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { CabinetOperations } from "./routes.ts";
import { eventView, requestView } from "./signature-view.ts";
import { signingWorkerOf } from "./signing-worker.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MySignaturesParts {
  door: SessionDoor;
  signatures: Signatures;
  regions: RegionalPolicies;
  /** absent: nobody signs for organisations here */
  orgSigner?: OrgSigner;
  /** of the sandbox, where there is one */
  signingPage?: string;
}

type Body = { document?: View["DocumentToSign"]; card?: { patient: string } };
type ById = { id: string };

const listLength = 100;

/** The worker's own signatures: prepare, give, look at, take back. */
export function mySignatureOperations(parts: MySignaturesParts): CabinetOperations {
  const { door, signatures, signingPage } = parts;
  return {
    listMySignatures: (request) => list(parts, request),
    prepareMySignature: async (request, reply) => {
      const worker = signingWorkerOf(door, request);
      const { document, card } = request.body as Body;
      const kept = document
        ? await prepareDocument(parts, worker, document, request)
        : await prepareCard(parts, worker, card?.patient ?? "", request);
      await record(request, { action: "prepare-signature", kept });
      return reply.code(201).send({ ...requestView(kept, []), content: contentOf(kept), signingPage });
    },
    getMySignature: async (request) => {
      const { personId } = door.requireWorker(request);
      const { signature, checks } = await signatures.find({ personId }, (request.params as ById).id);
      await request.authorizeOne("read", resourceOf(signature));
      await record(request, { action: "read", kept: signature });
      return { ...requestView(signature, checks), content: contentOf(signature), signingPage };
    },
    submitMySignature: (request, reply) => submit(parts, request, reply),
    signForOrganization: (request) => organizationSignature(parts, request),
    cancelMySignature: async (request, reply) => {
      const { personId } = door.requireWorker(request);
      const { id } = request.params as ById;
      await signatures.cancel({ personId }, id);
      await record(request, { action: "cancel-signature" });
      return reply.code(204).send();
    },
  };
}

/** Every event of the worker's own; of a document that is closed to them now no more than that (E-13). */
async function list(
  { door, signatures }: MySignaturesParts,
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
      return requestView(kept, []);
    }),
  );
  await record(request, { action: "search" });
  return { items };
}

/** What decide() is asked about: a request for a card, a patient's document, or correspondence of the organisation's own. */
function resourceOf({ purpose, subject, tenant, terms }: KeptSignature): AccessedResource {
  const { represents = "DocumentReference" } = terms as SignatureTerms;
  const ofDocument = subject === undefined ? "Communication" : represents;
  return { type: purpose === "card" ? "Patient" : ofDocument, subject, organization: tenant };
}

/** The right to sign is asked anew when the signature comes: it may have been taken since the bytes were frozen. */
async function authorizeSigning(request: FastifyRequest, kept: KeptSignature): Promise<void> {
  const { replaces, needed } = kept.terms as SignatureTerms;
  const ofDocument = replaces === undefined ? "create" : "update";
  // the signature is of this level, or refused
  await request.authorizeOne(kept.purpose === "card" ? "read" : ofDocument, resourceOf(kept), {
    signature: needed,
  });
}

async function prepareDocument(
  { signatures, regions }: MySignaturesParts,
  worker: SigningWorker,
  asked: View["DocumentToSign"],
  request: FastifyRequest,
): Promise<KeptSignature> {
  const { patient: subject, represents, replaces, reason } = asked;
  if (replaces !== undefined && reason === undefined)
    throw new GatewayError("resigning-reason-required", { field: "document/reason" });
  // a document about no patient is correspondence of the worker's own organisation
  const type = subject === undefined ? "Communication" : represents;
  const resource = { type, subject, organization: worker.organization };
  const action = replaces === undefined ? "create" : "update";
  const regional = regions.of(worker.organization)?.levels;
  const needed = neededSignature(action, resource, regional) ?? "simple";
  // the signature that is to come will be of this level, or refused
  await request.authorizeOne(action, resource, { signature: needed });
  const order: DocumentOrder = {
    title: asked.title,
    contentType: asked.contentType,
    content: Buffer.from(asked.content, "base64"),
    subject,
    ...(subject !== undefined && { represents }),
    // what is signed with a tool at all is signed with an enhanced one at least
    needed: needed === "simple" ? "enhanced" : needed,
    ...(replaces !== undefined && reason !== undefined && { replaces: { id: replaces, reason } }),
  };
  return signatures.prepare(worker, order);
}

async function prepareCard(
  { signatures }: MySignaturesParts,
  worker: SigningWorker,
  patient: string,
  request: FastifyRequest,
): Promise<KeptSignature> {
  await request.authorizeOne("read", { type: "Patient", subject: patient }, { signature: "qualified" });
  return signatures.prepareCard(worker, patient);
}

async function submit(
  { door, signatures, signingPage }: MySignaturesParts,
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
  const { signature } = await signatures.submit(worker, id, { container, powerOfAttorney });
  await record(request, { action: "sign", kept: signature });
  const { checks } = await signatures.find(worker, id);
  const view = { ...requestView(signature, checks), signingPage };
  if (signature.state !== "verification-pending") return reply.send(view);
  // queued: here is its state later, and as a Task for FHIR clients (E-26)
  const location = `/cabinet/v1/me/signatures/${id}`;
  return reply
    .code(202)
    .header("content-location", location)
    .send({ ...view, task: `Task/${id}` });
}

/** The organisation signs only what is in force: neither what waits for its verification nor what was superseded. */
async function organizationSignature(
  { door, signatures, orgSigner }: MySignaturesParts,
  request: FastifyRequest,
): Promise<View["OrganizationSignature"]> {
  const { personId, organization } = signingWorkerOf(door, request);
  const { id } = request.params as ById;
  const { signature: kept } = await signatures.find({ personId }, id);
  if (kept.purpose !== "document" || kept.tenant !== organization)
    throw new GatewayError("not-found", { field: "id" });
  if (!isInForce(kept.state as SignatureState)) throw new GatewayError("signature-unverified");
  await authorizeSigning(request, kept);
  if (!orgSigner) throw new GatewayError("signing-not-allowed", { detail: "nobody signs for organisations" });
  const order = { organization, content: kept.content, idempotencyKey: id };
  const cms = await orgSigner.sign(order, request.ctx);
  await record(request, { action: "sign-for-organization", kept });
  return { signature: Buffer.from(cms).toString("base64"), sigFormat: "application/pkcs7-signature" };
}

function record(
  request: FastifyRequest,
  { action, kept, ground }: { action: string; kept?: KeptSignature; ground?: string },
): Promise<void> {
  return request.journal({
    action,
    resourceType: "Signature",
    resourceId: kept?.id,
    subject: kept?.subject ?? request.ctx.actor.id,
    ground,
  });
}

const contentOf = ({ content }: KeptSignature): string => Buffer.from(content).toString("base64");
