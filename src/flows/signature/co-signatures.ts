import type { Kysely } from "kysely";
import { GatewayError } from "../../core/errors.ts";
import type { Schema } from "../../store/schema.ts";
import type { SignatureHead } from "../../store/signature-heads.ts";
import type { KeptSignature, SignatureStore } from "../../store/signatures.ts";
import type { Move } from "./settlement.ts";
import type { Signatures } from "./signatures.ts";
import { type DocumentKind, rolesOf, type SignerRole, type SigningRules } from "./signing-rules.ts";
import { signedTypeOf, standingHeads, standingOverDocument } from "./standing.ts";
import { isInForce, type SignatureState } from "./state.ts";
import type { SignatureTerms, SigningWorker } from "./terms.ts";

interface CoSignaturesParts {
  store: SignatureStore;
  rules: SigningRules;
  signatures: Pick<Signatures, "freeze">;
}

/** Who signs a document: signatures in force, oldest first, and roles that are awaited. */
export interface Signers {
  kind: DocumentKind;
  signed: readonly { role: SignerRole; kept: SignatureHead }[];
  awaited: readonly SignerRole[];
}

/** Documents whose kind asks for several signers: the same frozen bytes, signed by each of them (E-15). */
export class CoSignatures {
  readonly #parts: CoSignaturesParts;

  constructor(parts: CoSignaturesParts) {
    this.#parts = parts;
  }

  /** The first signature in force over a document, and the version that stands; throws `not-found` when there is none. */
  async first(
    of: { tenant: string; id: string },
    field: string,
  ): Promise<{ first: KeptSignature; version: number }> {
    const all = await standingOverDocument(this.#parts.store, of);
    const [first] = all;
    if (!first) throw new GatewayError("not-found", { field });
    return { first, version: Math.max(...all.map(({ document }) => document?.version ?? 0)) };
  }

  /**
   * Freezes the bytes of a document that awaits further signers for the next of them (E-15). Throws `not-found`,
   * `signature-settled` when it awaits nobody or this person has signed it, and `signer-role-mismatch`.
   */
  async prepare(
    worker: SigningWorker,
    { id, posts }: { id: string; posts: readonly string[] },
    move: Move = {},
  ): Promise<KeptSignature> {
    const { store, rules, signatures } = this.#parts;
    const signed = await standingOverDocument(store, { tenant: worker.organization, id });
    const [first] = signed;
    if (!first) throw new GatewayError("not-found", { field: "cosign" });
    const terms = first.terms as SignatureTerms;
    const isOwn = signed.some(({ signer }) => signer === worker.personId);
    if (!first.awaiting || isOwn)
      throw new GatewayError("signature-settled", {
        detail: "the document awaits no signature of this person",
      });
    const role = rules.roleFor(rules.kind(terms.kind ?? ""), { posts, signed: rolesOf(signed) });
    const { title, contentType, represents, needed, kind, label } = terms;
    const { content, subject } = first;
    const order = { title, contentType, represents, needed, kind, label, content, subject };
    return signatures.freeze(worker, { ...order, role, cosigns: id, purpose: "document" }, move);
  }

  /**
   * Signatures over documents of an organisation that await a role which this person may take, one of each document,
   * newest first (E-15).
   */
  async awaitingMe(
    { personId: signer, organization: tenant }: SigningWorker,
    { posts, ...page }: { posts: readonly string[]; after?: string; limit: number },
  ): Promise<{ heads: SignatureHead[]; next?: string }> {
    const { store, rules } = this.#parts;
    return store.heads.awaiting({ tenant, signer, roles: rules.rolesOpenTo(posts) }, page);
  }

  /** Who has signed a document and who is awaited; undefined where its kind says nothing of that. */
  async signersOf(kept: SignatureHead, db?: Kysely<Schema>): Promise<Signers | undefined> {
    const { store, rules } = this.#parts;
    const kind = rules.find((kept.terms as SignatureTerms).kind);
    if (!kind) return undefined;
    const isStanding = kept.document && kept.state === "signed";
    const of = { tenant: kept.tenant, type: signedTypeOf(kept), id: kept.document?.id ?? "" };
    const standing = isStanding ? await standingHeads(store, of, db) : [];
    const signed = standing.map((one) => ({ role: rules.role(rolesOf([one])[0] ?? ""), kept: one }));
    const awaited = rules.awaited(kind, rolesOf(standing)).map((id) => rules.role(id));
    return { kind, signed, awaited };
  }

  /** Throws `signature-unverified`, and `signatures-missing` while further signers are awaited. */
  requireInForce({ state, awaiting }: KeptSignature): void {
    if (!isInForce(state as SignatureState)) throw new GatewayError("signature-unverified");
    if (awaiting) throw this.#parts.rules.missing(awaiting);
  }
}
