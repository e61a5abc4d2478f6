import { randomUUID } from "node:crypto";
import type { Binary, DocumentReference, Provenance, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import Type from "typebox";
import { Value } from "typebox/value";
import { accessedOf } from "../../access/accessed-of.ts";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import { neededSignature } from "../../access/signature-levels.ts";
import type { Clock } from "../../core/clock.ts";
import type { Actor, RequestContext, SignatureLevel } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature, SignatureStore } from "../../store/signatures.ts";
import type { Identities } from "../identities.ts";
import type { SignatureChecks } from "./checks.ts";
import { digestsOf } from "./digests.ts";
import { refuse } from "./refusal.ts";
import type { Judged, Settlement } from "./settlement.ts";
import type { SignatureTerms } from "./terms.ts";

export interface ResigningParts {
  store: SignatureStore;
  checks: Pick<SignatureChecks, "verdict">;
  settlement: Pick<Settlement, "amend">;
  resources: Pick<ResourceStore, "get">;
  identities: Pick<Identities, "find">;
  clock: Clock;
  regions: RegionalPolicies;
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
}

const due = (field: string, detail: string): GatewayError =>
  new GatewayError("resigning-reason-required", { field, detail });

/** A signed document changes only with the reason of the change and a new signature over its new bytes (E-19). */
export class Resigning {
  readonly #parts: ResigningParts;

  constructor(parts: ResigningParts) {
    this.#parts = parts;
  }

  /**
   * Judges what was sent with a change; undefined: the resource is not signed. Throws `resigning-reason-required`
   * for what is missing, one code per cause for a bad signature, and `signature-unverified` while nobody says
   * whether its certificate is revoked.
   */
  async judged(asked: AskedAmendment, ctx: RequestContext): Promise<Amendment | undefined> {
    const { before, after, provenance } = asked;
    const tenant = ctx.actor.tenant;
    if (!before || !(await this.#isSigned(before, tenant))) {
      if (provenance) throw notSigned();
      return undefined;
    }
    if (!after) throw due(before.resourceType, "what is signed is not deleted");
    if (after.resourceType !== "DocumentReference")
      throw due(before.resourceType, "a signature is never changed");
    const { reason, container } = termsIn(provenance);
    await this.#refuseOld({ tenant, id: before.id ?? "" }, container);
    const kept = await this.#asPrepared(after, reason, ctx);
    const verdict = await this.#parts.checks.verdict(kept, container);
    if (verdict.outcome === "bad") refuse(verdict);
    if (verdict.outcome === "unknown") throw new GatewayError("signature-unverified", { retryAfter: 60 });
    return { kept, verdict, container };
  }

  /** Puts the new signature in the place of the old ones, in the transaction that wrote the version. */
  settle(trx: Kysely<Schema>, { kept, ...judged }: Amendment, version: number): Promise<void> {
    return this.#parts.settlement.amend(trx, kept, judged, version);
  }

  async #isSigned(before: Resource, tenant: string): Promise<boolean> {
    if (before.resourceType === "Provenance") return before.signature !== undefined;
    if (before.resourceType !== "DocumentReference") return false;
    const { store } = this.#parts;
    return (await store.overDocument(store.db, { tenant, id: before.id ?? "" })).length > 0;
  }

  /** The next version as if it had been prepared for this signature. */
  async #asPrepared(after: DocumentReference, reason: string, ctx: RequestContext): Promise<KeptSignature> {
    const { actor } = ctx;
    const content = await this.#bytesOf(after, ctx);
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
      terms: await this.#termsOf(after, { reason, content }, ctx),
      content,
    };
  }

  // the signature of the old version says nothing of the new one
  async #refuseOld(of: { tenant: string; id: string }, container: Uint8Array): Promise<void> {
    const { store } = this.#parts;
    for (const id of await store.overDocument(store.db, of)) {
      const older = await store.find(id);
      if (older?.container && Buffer.compare(older.container, container) === 0)
        throw due("X-Provenance.signature", "the signature is that of the version before");
    }
  }

  async #termsOf(
    after: DocumentReference,
    { reason, content }: { reason: string; content: Uint8Array },
    { actor }: RequestContext,
  ): Promise<SignatureTerms> {
    const worker = await this.#parts.identities.find(actor.onBehalfOf ?? actor.id);
    if (!worker || !actor.role || !actor.organization) throw new GatewayError("signing-not-allowed");
    const { title, contentType = "application/octet-stream" } = after.content[0]?.attachment ?? {};
    return {
      title: title ?? after.description ?? "",
      contentType,
      needed: this.#needed(after, actor),
      roleId: actor.role,
      organization: actor.organization,
      snils: worker.value.slice(0, 11),
      digests: digestsOf(content),
      replaces: { id: after.id ?? "", reason },
    };
  }

  #needed(after: DocumentReference, { tenant, organization }: Actor): SignatureLevel {
    const regional = this.#parts.regions.of(organization)?.levels;
    return neededSignature("update", accessedOf(after, tenant), regional) ?? "enhanced";
  }

  /** The bytes that the new version is about: inline, or a Binary that is stored already. */
  async #bytesOf({ content }: DocumentReference, { actor }: RequestContext): Promise<Uint8Array> {
    const { data, url = "" } = content[0]?.attachment ?? {};
    if (data !== undefined) return Buffer.from(data, "base64");
    const id = /^Binary\/([^/]+)$/.exec(url)?.[1];
    const { db } = this.#parts.store;
    const stored = id && (await this.#parts.resources.get(db, { tenant: actor.tenant, type: "Binary", id }));
    const bytes = stored ? (stored.content as Binary | undefined)?.data : undefined;
    if (bytes === undefined)
      throw new GatewayError("validation-failed", {
        field: "DocumentReference.content.attachment",
        detail: "a signed document has its bytes in data, or in a Binary of this gateway",
      });
    return Buffer.from(bytes, "base64");
  }
}

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
