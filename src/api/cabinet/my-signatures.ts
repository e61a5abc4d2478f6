import type { FastifyReply, FastifyRequest } from "fastify";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import { neededSignature } from "../../access/signature-levels.ts";
import { errorTable } from "../../core/error-table.ts";
import { GatewayError } from "../../core/errors.ts";
import type { OrgSigner } from "../../flows/signature/org-signer.ts";
import type { Signatures } from "../../flows/signature/signatures.ts";
import { isInForce, type SignatureState } from "../../flows/signature/state.ts";
import type { DocumentOrder, SignatureTerms, SigningWorker } from "../../flows/signature/terms.ts";
import type { VerdictProblem } from "../../flows/signature/verdict.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { Evidence, KeptSignature } from "../../store/signatures.ts";
import type { CabinetOperations } from "./routes.ts";
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
    listMySignatures: async (request) => {
      const { personId } = door.requireWorker(request);
      await record(request, { action: "search" });
      const mine = await signatures.mine({ personId }, listLength);
      return { items: mine.map((one) => requestView(one, [])) };
    },
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
  if (!orgSigner) throw new GatewayError("signing-not-allowed", { detail: "nobody signs for organisations" });
  const order = { organization, content: kept.content, idempotencyKey: id };
  const cms = await orgSigner.sign(order, request.ctx);
  await record(request, { action: "sign-for-organization", kept });
  return { signature: Buffer.from(cms).toString("base64"), sigFormat: "application/pkcs7-signature" };
}

function record(
  request: FastifyRequest,
  { action, kept }: { action: string; kept?: KeptSignature },
): Promise<void> {
  return request.journal({
    action,
    resourceType: "Signature",
    resourceId: kept?.id,
    subject: kept?.subject ?? request.ctx.actor.id,
  });
}

const contentOf = ({ content }: KeptSignature): string => Buffer.from(content).toString("base64");
const instant = (at: number): string => new Date(at).toISOString();

function requestView(kept: KeptSignature, checks: readonly Evidence[]): View["SignatureRequest"] {
  const { id, purpose, state, submittedAt, settledAt, certificate, document } = kept;
  const { title, contentType, digests, needed } = kept.terms as SignatureTerms;
  return {
    id,
    purpose: purpose as View["SignatureRequest"]["purpose"],
    state: state as View["SignatureRequest"]["state"],
    inForce: isInForce(state as SignatureState),
    title,
    contentType,
    digests,
    level: needed,
    createdAt: instant(kept.createdAt),
    expiresAt: instant(kept.expiresAt),
    ...(submittedAt !== undefined && { submittedAt: instant(submittedAt) }),
    ...(settledAt !== undefined && { settledAt: instant(settledAt) }),
    patient: kept.subject,
    certificate,
    document,
    checks: checks.map(checkView),
  };
}

interface KeptReport {
  problems: VerdictProblem[];
  signingTime?: string;
  algorithm?: string;
  revocation: View["SignatureCheck"]["revocation"];
}

function checkView({ at, verdict, report }: Evidence): View["SignatureCheck"] {
  const { problems, signingTime, algorithm, revocation } = report as KeptReport;
  return {
    at: instant(at),
    verdict: verdict as View["SignatureCheck"]["verdict"],
    problems: problems.map(problemView),
    signingTime,
    algorithm,
    revocation: revocation.map(({ source, status, ageSeconds }) => ({ source, status, ageSeconds })),
  };
}

function problemView({ code }: VerdictProblem): View["SignatureProblem"] {
  const { text, remedy } = errorTable[code === "revocation-unknown" ? "signature-unverified" : code];
  return { code, text, remedy };
}
