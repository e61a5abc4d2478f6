import type { Clock } from "../../core/clock.ts";
import type { SignatureLevel } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Evidence, KeptSignature, SignatureStore } from "../../store/signatures.ts";
import { cardRequest } from "./card-request.ts";
import type { SigningCertificates } from "./certificates.ts";
import type { SignatureChecks } from "./checks.ts";
import { digestsOf } from "./digests.ts";
import { refuse } from "./refusal.ts";
import type { Settlement } from "./settlement.ts";
import type { SignatureEvent } from "./state.ts";
import type { DocumentOrder, SignatureTerms, SigningWorker } from "./terms.ts";
import type { Verdict, VerdictProblem } from "./verdict.ts";

export interface SignaturesParts {
  store: SignatureStore;
  certificates: SigningCertificates;
  checks: SignatureChecks;
  settlement: Settlement;
  clock: Clock;
  freezeMs: number;
  cardMs: number;
}

/** What came of a submission: in force, or waiting for the state of the certificate. */
export interface Submitted {
  signature: KeptSignature;
  problems: readonly VerdictProblem[];
}

interface Submission {
  container: Uint8Array;
  powerOfAttorney?: string;
}

const batch = 20;

/** Prepare, sign with the person's own tool, verify: no private key ever comes near. */
export class Signatures {
  readonly #parts: SignaturesParts;

  constructor(parts: SignaturesParts) {
    this.#parts = parts;
  }

  /**
   * Freezes the final bytes for a while. Bytes that the person has signed already give that signature back (E-28).
   * Throws `signing-stopped`, and `not-found` when what it replaces is no signed document.
   */
  async prepare(worker: SigningWorker, order: DocumentOrder): Promise<KeptSignature> {
    const { store } = this.#parts;
    const { organization: tenant, personId: signer } = worker;
    await this.#refuseStopped(signer);
    const { replaces } = order;
    if (replaces && (await store.overDocument(store.db, { tenant, id: replaces.id })).length === 0)
      throw new GatewayError("not-found", { field: "replaces" });
    const earlier = await store.signedBefore({ tenant, signer }, order.content);
    return earlier ?? this.#frozen(worker, "document", order);
  }

  /** Freezes a request to open a patient's card, of our own words and with a number of one use (E-11). */
  async prepareCard(worker: SigningWorker, subject: string): Promise<KeptSignature> {
    await this.#refuseStopped(worker.personId);
    const request = cardRequest(worker, subject, this.#parts.clock.now());
    return this.#frozen(worker, "card", { ...request, subject, needed: "qualified" });
  }

  /**
   * Checks a signature over the frozen bytes and settles the request. Throws one code per cause (E-20); the check is
   * kept as evidence either way.
   */
  async submit(worker: SigningWorker, id: string, submission: Submission): Promise<Submitted> {
    const { checks, settlement, clock } = this.#parts;
    const { container, powerOfAttorney } = submission;
    const kept = await this.#own(worker, id);
    if (kept.container && Buffer.compare(kept.container, container) === 0)
      return { signature: kept, problems: [] };
    await this.#refuseStopped(worker.personId);
    await this.#refuseSettled(kept);
    const asked = { ...kept, submittedAt: clock.now(), terms: { ...kept.terms, powerOfAttorney } };
    const verdict = await checks.verdict(asked, container);
    const signature = await settlement.settle(asked, eventOf(verdict), { verdict, container });
    if (verdict.outcome === "bad") refuse(verdict);
    return { signature, problems: verdict.problems };
  }

  /** A person's own request with every check of it; throws `not-found` for another's. */
  async find(
    worker: Pick<SigningWorker, "personId">,
    id: string,
  ): Promise<{ signature: KeptSignature; checks: Evidence[] }> {
    const signature = await this.#own(worker, id);
    return { signature, checks: await this.#parts.store.evidenceOf(signature) };
  }

  /** A person's own requests, newest first (E-13). */
  async mine({ personId }: Pick<SigningWorker, "personId">, limit: number): Promise<KeptSignature[]> {
    return this.#parts.store.ofSigner(personId, limit);
  }

  /** Throws `signature-settled` for what came to an end already. */
  async cancel(worker: Pick<SigningWorker, "personId">, id: string): Promise<void> {
    await this.#parts.settlement.settle(await this.#own(worker, id), "cancelled");
  }

  /** Asks again about what waits for the state of its certificate; says how many came to an end. */
  async retryDue(): Promise<number> {
    const { store, checks, settlement, clock } = this.#parts;
    let settled = 0;
    for (const kept of await store.due("verification-pending", clock.now(), batch)) {
      const { container = new Uint8Array() } = kept;
      const verdict = await checks.verdict(kept, container);
      await settlement.settle(kept, eventOf(verdict), { verdict, container });
      if (verdict.outcome !== "unknown") settled += 1;
    }
    return settled;
  }

  /** Patients whose card a worker has opened with a signature, and its level (E-11); a lost key opens nothing. */
  async levelsFor(signer: string, subjects: readonly string[]): Promise<ReadonlyMap<string, SignatureLevel>> {
    const { store, certificates, clock, cardMs } = this.#parts;
    const after = clock.now() - cardMs;
    const signed = await store.signedSince({ signer, subjects, purpose: "card", after });
    const lost = signed.length > 0 ? await certificates.lost(signer) : new Set();
    const opened = signed.filter(({ certificate }) => !lost.has(certificate));
    return new Map(opened.map(({ subject }) => [subject, "qualified"]));
  }

  async #refuseStopped(personId: string): Promise<void> {
    if (await this.#parts.certificates.isStopped(personId)) throw new GatewayError("signing-stopped");
  }

  async #refuseSettled(kept: KeptSignature): Promise<void> {
    const isOver = kept.expiresAt <= this.#parts.clock.now();
    if (kept.state === "prepared" && !isOver) return;
    if (kept.state === "prepared") await this.#parts.settlement.settle(kept, "ran-out");
    const isExpired = kept.state === "prepared" || kept.state === "expired";
    throw new GatewayError(isExpired ? "prepared-document-expired" : "signature-settled");
  }

  async #own({ personId }: Pick<SigningWorker, "personId">, id: string): Promise<KeptSignature> {
    const kept = await this.#parts.store.find(id);
    if (kept?.signer !== personId) throw new GatewayError("not-found", { field: "id" });
    return kept;
  }

  #frozen(
    { personId, roleId, organization, snils, contact }: SigningWorker,
    purpose: "document" | "card",
    { content, subject, title, contentType, represents, needed, replaces }: DocumentOrder,
  ): Promise<KeptSignature> {
    const { store, clock, freezeMs } = this.#parts;
    const digests = digestsOf(content);
    const terms: SignatureTerms = {
      ...{ title, contentType, represents, needed, replaces },
      ...{ roleId, organization, snils, contact, digests },
    };
    const createdAt = clock.now();
    return store.create({
      ...{ tenant: organization, signer: personId, subject, purpose, terms, content, createdAt },
      state: "prepared",
      expiresAt: createdAt + freezeMs,
    });
  }
}

const events = { good: "verified", unknown: "unverified", bad: "refused" } as const;
const eventOf = ({ outcome }: Verdict): SignatureEvent => events[outcome];
