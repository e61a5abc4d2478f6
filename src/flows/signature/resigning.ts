import { randomUUID } from "node:crypto";
import type { Binary, DocumentReference, Provenance, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import Type from "typebox";
import { Value } from "typebox/value";
import { accessedOf } from "../../access/accessed-of.ts";
import { classOf } from "../../access/data-classes.ts";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import { neededSignature } from "../../access/signature-levels.ts";
import type { Clock } from "../../core/clock.ts";
import type { Actor, RequestContext, SignatureLevel } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { RepositoryWrites } from "../../fhir/repository.ts";
import { issueOf } from "../../fhir/validation/issues.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature, SignatureStore } from "../../store/signatures.ts";
import type { Identities } from "../identities.ts";
import { canonicalForm, canonicalFormat } from "./canonical-form.ts";
import type { SignatureChecks } from "./checks.ts";
import { digestsOf } from "./digests.ts";
import type { Judged } from "./evidence.ts";
import { refuse } from "./refusal.ts";
import type { Settlement } from "./settlement.ts";
import { documentKindSystem } from "./signed-document.ts";
import type { SigningRules } from "./signing-rules.ts";
import { standingOver } from "./standing.ts";
import type { Replaced, SignatureTerms } from "./terms.ts";

export interface ResigningParts {
  store: SignatureStore;
  checks: Pick<SignatureChecks, "verdict">;
  settlement: Pick<Settlement, "amend">;
  resources: Pick<ResourceStore, "get">;
  identities: Pick<Identities, "find">;
  clock: Clock;
  regions: RegionalPolicies;
  rules: SigningRules;
  /** of a PractitionerRole by its logical id: codes of dictionary 11.1002 */
  postsOf(roleId: string, ctx: RequestContext): Promise<readonly string[]>;
}

/** A change that a client asks for; without `before` it creates, without `after` it deletes. */
export interface AskedAmendment {
  before?: Resource;
  after?: Resource;
  /** the reason and the new signature, as FHIR's X-Provenance header carries them */
  provenance?: Provenance;
}

/** A new signature over the next version, judged good; the version is not written yet. */
export interface Amendment extends Judged {
  kept: KeptSignature;
  /** id of the Binary that holds the new bytes; absent: they are in the document itself */
  binary?: string;
}

const due = (field: string, detail: string): GatewayError =>
  new GatewayError("resigning-reason-required", { field, detail });

// whoever reads it beside ours would take it for checked
function refuseForeignSignature(after: Resource | undefined): void {
  if (after?.resourceType !== "Provenance" || after.signature === undefined) return;
  const path = "Provenance.signature";
  const detail =
    "signatures are not written but made: POST /cabinet/v1/me/signatures, or X-Provenance with a change of what is signed";
  throw new GatewayError("validation-failed", {
    field: path,
    issues: [issueOf({ kind: "wrong-value", path, detail })],
  });
}

/** What is signed changes only with the reason of the change and a new signature over its new bytes (E-19). */
export class Resigning {
  readonly #parts: ResigningParts;

  constructor(parts: ResigningParts) {
    this.#parts = parts;
  }

  /**
   * Judges what was sent with a change; undefined: the resource is not signed. Throws `validation-failed` for a
   * Provenance that brings a signature which nobody has checked, `resigning-reason-required`
   * for what is missing, one code per cause for a bad signature, and `signature-unverified` while nobody says
   * whether its certificate is revoked.
   */
  async judged(asked: AskedAmendment, ctx: RequestContext): Promise<Amendment | undefined> {
    const { before, after, provenance } = asked;
    const older = before ? await this.#signaturesOver(before, ctx.actor.tenant) : [];
    if (older.length === 0) {
      if (provenance) throw notSigned();
      refuseForeignSignature(after);
      this.#refuseUnsigned(after);
      return undefined;
    }
    if (!after) throw due(before?.resourceType ?? "", "what is signed is not deleted");
    if (after.resourceType === "Binary") throw due("Binary", "bytes that were signed stay what they are");
    const { reason, container } = termsIn(provenance);
    const version = Number(before?.meta?.versionId);
    const kept = await this.#asPrepared(after, { version, reason, older }, ctx);
    const verdict = await this.#parts.checks.verdict(kept, container);
    if (verdict.outcome === "bad") refuse(verdict);
    if (verdict.outcome === "unknown") throw new GatewayError("signature-unverified", { retryAfter: 60 });
    return { kept, verdict, container, binary: binaryOf(after) };
  }

  /**
   * Asked of a change without a new signature once it holds what it changes: somebody may have signed that since the
   * change was judged. Throws `resigning-reason-required`.
   */
  async refuseSigned({ trx }: RepositoryWrites, before: Resource, { actor }: RequestContext): Promise<void> {
    const signed = await this.#signaturesOver(before, actor.tenant, trx);
    if (signed.length > 0) throw due(before.resourceType, "it was signed meanwhile");
  }

  /**
   * Puts the new signature in the place of the old ones, in the transaction that wrote the version; says what it wrote.
   * Throws `signature-content-differs` when the Binary holds other bytes by now.
   */
  async settle(
    writes: RepositoryWrites,
    { kept, ...judged }: Amendment & { version: number },
    ctx: RequestContext,
  ): Promise<readonly KeptAccess[]> {
    const { binary } = judged;
    const bytes = binary === undefined ? kept.content : await this.#bytesIn(binary, ctx, writes.trx);
    if (bytes === undefined || Buffer.compare(bytes, kept.content) !== 0)
      throw new GatewayError("signature-content-differs", { field: "Binary", detail: "it was changed" });
    return this.#parts.settlement.amend(writes, kept, judged);
  }

  async #signaturesOver(before: Resource, tenant: string, db?: Kysely<Schema>): Promise<KeptSignature[]> {
    const { resourceType: type, id = "" } = before;
    if (before.resourceType === "Provenance" && before.signature !== undefined)
      throw due("Provenance", "a signature is never changed");
    return classOf(type, "someone") === "patient"
      ? standingOver(this.#parts.store, { tenant, type, id }, db)
      : [];
  }

  // a document of a kind that people sign is final by their signatures, not by its sender's word (E-15)
  #refuseUnsigned(after: Resource | undefined): void {
    if (after?.resourceType !== "DocumentReference" || !isFinal(after)) return;
    const { rules } = this.#parts;
    const kind = rules.find(kindOf(after));
    if (kind) throw rules.missing(rules.awaited(kind, []));
  }

  /** The next version as if it had been prepared for this signature. */
  async #asPrepared(
    after: Resource,
    { older, ...change }: Pick<Replaced, "version" | "reason"> & { older: readonly KeptSignature[] },
    ctx: RequestContext,
  ): Promise<KeptSignature> {
    const { actor } = ctx;
    const isDocument = after.resourceType === "DocumentReference";
    const content = isDocument ? await this.#bytesOf(after, ctx) : canonicalForm(after);
    const part = isDocument ? await this.#partIn(after, older, ctx) : ofResource(after);
    const now = this.#parts.clock.now();
    return {
      id: randomUUID(),
      tenant: actor.tenant,
      signer: actor.onBehalfOf ?? actor.id,
      subject: accessedOf(after).subject,
      purpose: "document",
      state: "prepared",
      createdAt: now,
      submittedAt: now,
      expiresAt: now,
      terms: { ...(await this.#termsOf(after, { ...change, content }, ctx)), ...part },
      content,
    };
  }

  /**
   * The role of who signs anew; the others sign again after them, and until then the document is no more than
   * preliminary. Throws `signer-role-mismatch` and `signatures-missing`.
   */
  async #partIn(
    after: DocumentReference,
    [first]: readonly KeptSignature[],
    ctx: RequestContext,
  ): Promise<Partial<SignatureTerms>> {
    const { rules, postsOf } = this.#parts;
    const { title, contentType = "application/octet-stream" } = after.content[0]?.attachment ?? {};
    const described = { title: title ?? after.description ?? "", contentType };
    // what was signed as a document of its kind stays one
    const kind = rules.find((first?.terms as SignatureTerms | undefined)?.kind ?? kindOf(after));
    if (!kind) return described;
    const role = rules.roleFor(kind, { posts: await postsOf(ctx.actor.role ?? "", ctx), signed: [] });
    const awaited = rules.awaited(kind, [role]);
    if (awaited.length > 0 && isFinal(after)) throw rules.missing(awaited);
    return { ...described, kind: kind.code, role };
  }

  async #termsOf(
    after: Resource,
    { version, reason, content }: Pick<Replaced, "version" | "reason"> & { content: Uint8Array },
    { actor }: RequestContext,
  ): Promise<Omit<SignatureTerms, "title" | "contentType">> {
    const worker = await this.#parts.identities.find(actor.onBehalfOf ?? actor.id);
    if (!worker || !actor.role || !actor.organization) throw new GatewayError("signing-not-allowed");
    return {
      label: accessedOf(after).label,
      needed: this.#needed(after, actor),
      roleId: actor.role,
      organization: actor.organization,
      snils: worker.value.slice(0, 11),
      digests: digestsOf(content),
      replaces: { id: after.id ?? "", version, reason },
    };
  }

  #needed(after: Resource, { tenant, organization }: Actor): SignatureLevel {
    const regional = this.#parts.regions.of(organization)?.levels;
    return neededSignature("update", accessedOf(after, tenant), regional) ?? "enhanced";
  }

  /** The bytes that the new version is about: inline, or a Binary that is stored already. */
  async #bytesOf(after: DocumentReference, ctx: RequestContext): Promise<Uint8Array> {
    const [first, another] = after.content;
    const id = binaryOf(after);
    const data = first?.attachment.data;
    const inline = data === undefined ? undefined : Buffer.from(data, "base64");
    const bytes = inline ?? (id === undefined ? undefined : await this.#bytesIn(id, ctx));
    if (bytes && !another) return bytes;
    throw new GatewayError("validation-failed", {
      field: "DocumentReference.content",
      detail: "a signed document has one content, its bytes in data or in a Binary of this gateway",
    });
  }

  async #bytesIn(
    id: string,
    { actor: { tenant } }: RequestContext,
    db = this.#parts.store.db,
  ): Promise<Uint8Array | undefined> {
    const stored = await this.#parts.resources.get(db, { tenant, type: "Binary", id });
    const { data } = (stored?.content ?? {}) as Partial<Binary>;
    return data === undefined ? undefined : Buffer.from(data, "base64");
  }
}

/** The Binary that a document has its bytes in; undefined for one that carries them, and for what is no document. */
function binaryOf(resource: Resource): string | undefined {
  if (resource.resourceType !== "DocumentReference") return undefined;
  const { data, url = "" } = resource.content[0]?.attachment ?? {};
  return data === undefined ? /^Binary\/([^/]+)$/.exec(url)?.[1] : undefined;
}

const isFinal = ({ docStatus }: DocumentReference): boolean =>
  docStatus === "final" || docStatus === "amended";

// asked before the validator has judged the form
const kindOf = ({ content }: Partial<DocumentReference>): string | undefined =>
  [content ?? []].flat().find((one) => one?.format?.system === documentKindSystem)?.format?.code;

const ofResource = ({ resourceType, id = "" }: Resource): Partial<SignatureTerms> => ({
  title: resourceType,
  contentType: canonicalFormat,
  resource: { type: resourceType, id },
});

const notSigned = (): GatewayError =>
  new GatewayError("bad-request", {
    field: "X-Provenance",
    detail: "only a change of a signed document takes it",
  });

const offered = Type.Object({
  reason: Type.Optional(
    Type.Array(
      Type.Object({
        text: Type.Optional(Type.String()),
        coding: Type.Optional(Type.Array(Type.Object({ display: Type.Optional(Type.String()) }))),
      }),
    ),
  ),
  signature: Type.Optional(Type.Array(Type.Object({ data: Type.Optional(Type.String()) }))),
});

// the header's Provenance lacks its target, which is ours to say, so that no validator has seen it
function termsIn(provenance: Provenance | undefined): { reason: string; container: Uint8Array } {
  const given: unknown = provenance ?? {};
  if (!Value.Check(offered, given))
    throw new GatewayError("bad-request", { field: "X-Provenance", detail: "not a Provenance" });
  const [stated] = given.reason ?? [];
  const reason = stated?.text?.trim() || stated?.coding?.[0]?.display?.trim();
  if (!reason) throw due("X-Provenance.reason", "the reason of the change is due");
  const data = given.signature?.[0]?.data;
  if (!data) throw due("X-Provenance.signature", "a new signature is due");
  return { reason, container: Buffer.from(data, "base64") };
}
