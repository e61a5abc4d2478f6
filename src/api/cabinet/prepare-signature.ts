import type { AccessedResource } from "../../access/access-facts.ts";
import { accessedOf, highestLabel } from "../../access/accessed-of.ts";
import { neededSignature, suffices } from "../../access/signature-levels.ts";
import type { SignatureLevel } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { canonicalForm, canonicalFormat } from "../../flows/signature/canonical-form.ts";
import type { DocumentOrder, Replaced, SignatureTerms, SigningWorker } from "../../flows/signature/terms.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import { type Moving, type MySignaturesParts, resourceOf } from "./signature-access.ts";
import type { components } from "./types.ts";

type View = components["schemas"];
type Body = {
  document?: View["DocumentToSign"];
  cosign?: string;
  resource?: string;
  card?: { patient: string };
};

/** Freezes what the worker asks for, once decide() permits to sign it. */
export function prepareSignature(
  parts: MySignaturesParts,
  worker: SigningWorker,
  moving: Moving,
): Promise<KeptSignature> {
  const { document, cosign, resource, card } = moving.request.body as Body;
  if (document) return prepareDocument(parts, worker, document, moving);
  if (cosign !== undefined) return prepareCoSignature(parts, worker, cosign, moving);
  if (resource !== undefined) return prepareResource(parts, worker, resource, moving);
  return prepareCard(parts, worker, card?.patient ?? "", moving);
}

async function prepareDocument(
  parts: MySignaturesParts,
  worker: SigningWorker,
  asked: View["DocumentToSign"],
  { request, move }: Moving,
): Promise<KeptSignature> {
  const { patient: subject, represents } = asked;
  const { replaces, before } = await replacedBy(parts, worker, asked);
  const label = highestLabel([asked.confidentiality, before?.label]);
  // a document about no patient is correspondence of the worker's own organisation
  const own = subject === undefined ? "Communication" : "DocumentReference";
  const of = { subject, organization: worker.organization, label };
  const resource = { ...of, type: subject === undefined ? own : (represents ?? own) };
  const action = replaces === undefined ? "create" : "update";
  // a document is an official one whatever it tells of (E-04): that may ask for more, never for less
  const needed = stronger(neededFor(parts, action, resource), neededFor(parts, action, { ...of, type: own }));
  // the signature that is to come will be of this level, or refused
  await request.authorizeOne(action, resource, { signature: needed });
  const kind = before?.kind ?? asked.kind;
  if (asked.kind !== undefined && asked.kind !== kind)
    throw new GatewayError("bad-request", { field: "document/kind", detail: `a new version stays ${kind}` });
  const order: DocumentOrder = {
    title: asked.title,
    contentType: asked.contentType,
    content: Buffer.from(asked.content, "base64"),
    ...{ subject, needed, label },
    ...(subject !== undefined && { represents }),
    ...(kind !== undefined && { kind, posts: await parts.postsOf(worker.roleId, request.ctx) }),
    ...(replaces !== undefined && { replaces }),
  };
  return parts.signatures.prepare(worker, order, move);
}

/** The version that is replaced, whose kind and confidentiality stay: read at once, so that neither is newer. */
async function replacedBy(
  { coSignatures }: MySignaturesParts,
  { organization: tenant }: SigningWorker,
  { replaces: id, reason }: View["DocumentToSign"],
): Promise<{ replaces?: Replaced; before?: SignatureTerms }> {
  if (id === undefined) return {};
  if (reason === undefined) throw new GatewayError("resigning-reason-required", { field: "document/reason" });
  const { first, version } = await coSignatures.first({ tenant, id }, "replaces");
  return { replaces: { id, version, reason }, before: first.terms as SignatureTerms };
}

const stronger = (one: SignatureLevel, other: SignatureLevel): SignatureLevel =>
  suffices(one, other) ? one : other;

/** What is signed with a tool at all is signed with an enhanced signature at least. */
function neededFor(
  { regions }: MySignaturesParts,
  action: "create" | "update",
  resource: AccessedResource,
): SignatureLevel {
  const needed = neededSignature(action, resource, regions.of(resource.organization)?.levels) ?? "simple";
  return needed === "simple" ? "enhanced" : needed;
}

async function prepareCoSignature(
  { coSignatures, postsOf }: MySignaturesParts,
  worker: SigningWorker,
  id: string,
  { request, move }: Moving,
): Promise<KeptSignature> {
  const { first } = await coSignatures.first({ tenant: worker.organization, id }, "cosign");
  const { needed: signature } = first.terms as SignatureTerms;
  await request.authorizeOne("update", resourceOf(first), { signature });
  const posts = await postsOf(worker.roleId, request.ctx);
  return coSignatures.prepare(worker, { id, posts }, move);
}

/** A resource that is stored already is signed in its canonical form, and then changes only with a new signature. */
async function prepareResource(
  parts: MySignaturesParts,
  worker: SigningWorker,
  reference: string,
  { request, move }: Moving,
): Promise<KeptSignature> {
  const [type = "", id = ""] = reference.split("/");
  parts.rules.requireSignable(type);
  const current = await parts.storedResource({ tenant: worker.organization, type, id });
  const accessed = accessedOf(current, worker.organization);
  const needed = neededFor(parts, "update", accessed);
  await request.authorizeOne("update", accessed, { signature: needed });
  const { subject, label } = accessed;
  const order: DocumentOrder = {
    ...{ title: type, contentType: canonicalFormat, content: canonicalForm(current) },
    ...{ subject, label, needed, represents: type, resource: { type, id } },
  };
  return parts.signatures.prepare(worker, order, move);
}

async function prepareCard(
  { signatures }: MySignaturesParts,
  worker: SigningWorker,
  patient: string,
  { request, move }: Moving,
): Promise<KeptSignature> {
  await request.authorizeOne("read", { type: "Patient", subject: patient }, { signature: "qualified" });
  return signatures.prepareCard(worker, patient, move);
}
