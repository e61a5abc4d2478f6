import type { ResourceType } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { parseCertificate } from "../../crypto/x509.ts";
import type { RepositoryWrites } from "../../fhir/repository.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature, SignatureChange, SignatureStore } from "../../store/signatures.ts";
import { fingerprintOf, type SigningCertificateStore } from "../../store/signing-certificates.ts";
import { canonicalForm } from "./canonical-form.ts";
import { evidenceOf, type Judged } from "./evidence.ts";
import { SignatureWriter, type SignatureWrites } from "./signature-writes.ts";
import { type SignedDocument, storeCoSigned, storeProvenance, storeSigned } from "./signed-document.ts";
import { rolesOf, type SigningRules } from "./signing-rules.ts";
import { signedTypeOf, standingOver, standingOverDocument } from "./standing.ts";
import { next, type SignatureEvent, type SignatureState } from "./state.ts";
import type { SignatureTerms } from "./terms.ts";
import { toVerificationTask } from "./verification-task.ts";

export interface SettlementParts {
  store: SignatureStore;
  writes: SignatureWrites;
  rules: SigningRules;
  bound: SigningCertificateStore;
  clock: Clock;
}

/** The request that moves a signature, and what takes part in the transaction with what came of it. */
export interface Move {
  requestId?: string;
  within?(trx: Kysely<Schema>, moved: KeptSignature): Promise<void>;
}

/** The version that was signed, and the roles that must still sign it. */
interface StoredDocument {
  id: string;
  version: number;
  awaiting: readonly string[];
  /** of the bytes, where they were stored with it */
  binary?: string;
}

const shortestRetryMs = 60_000;
const longestRetryMs = 900_000;

/** Moves a request, keeps the check as evidence and, once signed, stores what was signed: all or nothing. */
export class Settlement {
  readonly #parts: SettlementParts;

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  /** Throws `signature-settled` when the event can't happen or somebody else was first. */
  async settle(
    kept: KeptSignature,
    event: SignatureEvent,
    { judged, requestId, within }: Move & { judged?: Judged } = {},
  ): Promise<KeptSignature> {
    return this.#parts.writes.transaction(kept, { requestId }, async (writer) => {
      const moved = await this.#moved(writer, kept, { event, judged });
      // a refused try leaves nothing but its evidence: the bytes wait for another
      if (moved.state !== "prepared") await within?.(writer.trx, moved);
      return moved;
    });
  }

  async #moved(
    writer: SignatureWriter,
    kept: KeptSignature,
    { event, judged }: { event: SignatureEvent; judged?: Judged },
  ): Promise<KeptSignature> {
    const { store, clock } = this.#parts;
    const { trx } = writer;
    const at = clock.now();
    const after = await this.#stateAfter(trx, kept, event);
    if (judged) await store.evidence.add(trx, kept, evidenceOf(kept, judged, at));
    if (after === "prepared") return kept;
    const stored = after === "signed" && judged ? await this.#stored(writer, kept, judged, at) : undefined;
    const change: SignatureChange = {
      state: after,
      ...(judged && kept.state === "prepared" && submissionOf(kept, judged)),
      ...timesOf(kept, after, at),
      ...(stored && { document: { id: stored.id, version: stored.version }, binary: stored.binary }),
    };
    await store.change(trx, kept, change);
    if (stored) await this.#awaits(trx, { kept, ...stored });
    if (isQueued(kept.state) !== isQueued(after)) await tell(writer, kept, { ...change, state: after, at });
    const awaiting = stored?.awaiting.length ? stored.awaiting : undefined;
    return { ...kept, ...change, terms: kept.terms, awaiting };
  }

  async #stateAfter(
    trx: Kysely<Schema>,
    kept: KeptSignature,
    event: SignatureEvent,
  ): Promise<SignatureState> {
    const state = await this.#parts.store.lockedState(trx, kept.id);
    const after = state === kept.state ? next(state as SignatureState, event) : undefined;
    if (!after) throw new GatewayError("signature-settled");
    if (after === "signed") await this.#refuseTwice(trx, kept);
    return after;
  }

  /**
   * In the transaction that has written the next version of a signed document: its new, good signature stands for the
   * older ones, which stay as evidence of the version before (E-19).
   */
  async amend(
    writes: RepositoryWrites,
    kept: KeptSignature,
    { version, binary, ...judged }: Judged & { version: number; binary?: string },
  ): Promise<readonly KeptAccess[]> {
    const { store, clock } = this.#parts;
    const writer = new SignatureWriter(writes);
    const { trx } = writer;
    const at = clock.now();
    const terms = kept.terms as SignatureTerms;
    const id = terms.replaces?.id ?? kept.id;
    await this.#supersede(trx, kept, id);
    await this.#refuseTwice(trx, kept);
    await store.create(kept, trx);
    await store.evidence.add(trx, kept, evidenceOf(kept, judged, at));
    await this.#watch(trx, kept, judged, at);
    const document = { id, version };
    await store.change(trx, kept, {
      state: "signed",
      settledAt: at,
      ...{ document, binary },
      ...submissionOf(kept, judged),
    });
    const awaiting = this.#awaitedAfter(terms, []);
    await this.#awaits(trx, { kept, id, awaiting });
    await storeProvenance(writer, document, { kept, terms, ...judged, at, awaiting });
    return writer.accesses.map((access) => ({ ...access, beside: true }));
  }

  async #stored(
    writer: SignatureWriter,
    kept: KeptSignature,
    judged: Judged,
    at: number,
  ): Promise<StoredDocument | undefined> {
    const { trx } = writer;
    await this.#watch(trx, kept, judged, at);
    if (kept.purpose !== "document") return undefined;
    const terms = kept.terms as SignatureTerms;
    if (terms.resource) return this.#signedResource(writer, terms.resource, { kept, terms, ...judged, at });
    if (terms.cosigns !== undefined) return this.#coSigned(writer, kept, judged, at);
    if (terms.replaces) {
      await writer.claim(`DocumentReference/${terms.replaces.id}`);
      await this.#supersede(trx, kept, terms.replaces.id);
    }
    const awaiting = this.#awaitedAfter(terms, []);
    const kind = this.#parts.rules.find(terms.kind);
    const document = await storeSigned(writer, { kept, terms, kind, ...judged, at, awaiting });
    return { ...document, awaiting };
  }

  /** Ties a signature to the version whose canonical form it signs; throws `version-conflict` when that is past. */
  async #signedResource(
    writer: SignatureWriter,
    { type, id }: { type: string; id: string },
    signed: Omit<SignedDocument, "awaiting">,
  ): Promise<StoredDocument> {
    await writer.claim(`${type}/${id}`);
    const current = await writer.current(type as ResourceType, id);
    if (Buffer.compare(canonicalForm(current), signed.kept.content) !== 0)
      throw new GatewayError("version-conflict", {
        detail: "the resource was changed since it was prepared",
      });
    await this.#supersede(writer.trx, signed.kept, id);
    const document = { id, version: Number(current.meta?.versionId) };
    await storeProvenance(writer, document, { ...signed, awaiting: [] });
    return { ...document, awaiting: [] };
  }

  /** Adds a signature to those of others, unless the document was changed, or the role taken, meanwhile. */
  async #coSigned(
    writer: SignatureWriter,
    kept: KeptSignature,
    judged: Judged,
    at: number,
  ): Promise<StoredDocument> {
    const { store, rules } = this.#parts;
    const terms = kept.terms as SignatureTerms;
    const { cosigns: id = "", kind = "", role = "" } = terms;
    await writer.claim(`DocumentReference/${id}`);
    const others = await standingOverDocument(store, { tenant: kept.tenant, id }, writer.trx);
    const isOpen = others.every(
      ({ content, signer }) => Buffer.compare(content, kept.content) === 0 && signer !== kept.signer,
    );
    if (others.length === 0 || !isOpen || !rules.isOpen(rules.kind(kind), role, rolesOf(others)))
      throw new GatewayError("signature-settled", { detail: "the document awaits this signature no more" });
    const awaiting = this.#awaitedAfter(terms, rolesOf(others));
    const replaces = others.some(({ terms: first }) => (first as SignatureTerms).replaces !== undefined);
    const signed = { id, docStatus: replaces ? "amended" : "final" } as const;
    const version = await storeCoSigned(writer, signed, { kept, terms, ...judged, at, awaiting });
    return { id, version, awaiting };
  }

  #awaitedAfter({ kind: code, role }: SignatureTerms, signed: readonly string[]): readonly string[] {
    const { rules } = this.#parts;
    const kind = rules.find(code);
    return kind && role !== undefined ? rules.awaited(kind, [...signed, role]) : [];
  }

  // every certificate that signs is watched for its end (E-24)
  async #watch(trx: Kysely<Schema>, kept: KeptSignature, { verdict }: Judged, at: number): Promise<void> {
    const der = verdict.report.certificateDer;
    if (!der) return;
    const notAfter = parseCertificate(der).notAfter.getTime();
    const { contact } = kept.terms as SignatureTerms;
    await this.#parts.bound.bind({ person: kept.signer, der, notAfter, boundAt: at, contact }, trx);
  }

  // the same bytes are signed once by one person (E-28)
  async #refuseTwice(trx: Kysely<Schema>, kept: KeptSignature): Promise<void> {
    const earlier = await this.#parts.store.signedBefore(kept, kept.content, trx);
    if (earlier) throw new GatewayError("signature-settled", { detail: "these bytes are signed already" });
  }

  // only a document awaits further signers
  async #awaits(
    trx: Kysely<Schema>,
    { kept, id, awaiting }: { kept: KeptSignature; id: string; awaiting: readonly string[] },
  ): Promise<void> {
    if (signedTypeOf(kept) !== "DocumentReference") return;
    await this.#parts.store.setAwaiting(trx, { tenant: kept.tenant, id }, awaiting);
  }

  async #supersede(trx: Kysely<Schema>, kept: KeptSignature, id: string): Promise<void> {
    const { store } = this.#parts;
    const of = { tenant: kept.tenant, type: signedTypeOf(kept), id };
    for (const older of await standingOver(store, of, trx)) {
      const after = next(older.state as SignatureState, "superseded");
      if (after) await store.change(trx, older, { state: after });
    }
  }
}

// what waits is a Task from the moment it is queued until it is settled (E-26)
async function tell(
  writer: SignatureWriter,
  kept: KeptSignature,
  {
    submittedAt,
    ...moved
  }: Pick<SignatureChange, "document" | "submittedAt"> & { state: SignatureState; at: number },
): Promise<void> {
  const queued = submittedAt === undefined ? kept : { ...kept, submittedAt };
  await writer.put(toVerificationTask(queued, moved));
}

const isQueued = (state: string): boolean => state === "verification-pending";

function submissionOf(kept: KeptSignature, { verdict, container }: Judged): Partial<SignatureChange> {
  const der = verdict.report.certificateDer;
  return {
    submittedAt: kept.submittedAt,
    container,
    terms: kept.terms,
    ...(der && { certificate: fingerprintOf(der) }),
  };
}

const timesOf = (kept: KeptSignature, after: SignatureState, at: number): Partial<SignatureChange> =>
  after === "verification-pending" ? { dueAt: at + retryMs(kept, at) } : { settledAt: at };

// a quarter of the time that it has waited, within bounds
const retryMs = ({ submittedAt }: KeptSignature, at: number): number =>
  Math.min(Math.max((at - (submittedAt ?? at)) / 4, shortestRetryMs), longestRetryMs);
