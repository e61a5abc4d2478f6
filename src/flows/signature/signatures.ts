import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import type { SignatureLevel } from "../../core/context.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Schema } from "../../store/schema.ts";
import type { Evidence } from "../../store/signature-evidence.ts";
import type { KeptSignature, SignatureStore } from "../../store/signatures.ts";
import { cardRequest } from "./card-request.ts";
import type { SigningCertificates } from "./certificates.ts";
import type { SignatureChecks } from "./checks.ts";
import { digestsOf } from "./digests.ts";
import { refuse } from "./refusal.ts";
import type { Move, Settlement } from "./settlement.ts";
import type { SigningRules } from "./signing-rules.ts";
import { standingOverDocument } from "./standing.ts";
import type { SignatureEvent } from "./state.ts";
import type { DocumentOrder, SignatureTerms, SigningWorker } from "./terms.ts";
import { strongest, type Verdict, type VerdictProblem } from "./verdict.ts";

export interface SignaturesParts {
  store: SignatureStore;
  certificates: SigningCertificates;
  checks: SignatureChecks;
  rules: SigningRules;
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

/** An order with the part that the signer takes in it. */
export type Frozen = DocumentOrder &
  Pick<SignatureTerms, "role" | "cosigns"> & { purpose: "document" | "card" };

const batch = 20;

/** Prepare, sign with the person's own tool, verify: no private key ever comes near. */
export class Signatures {
  readonly #parts: SignaturesParts;

  constructor(parts: SignaturesParts) {
    this.#parts = parts;
  }

  /**
   * Freezes the final bytes for a while. Bytes that the person has signed already, for the same patient, purpose and
   * level, give that signature back (E-28).
   * Throws `signing-stopped`, and `not-found` when what it replaces is no signed document.
   */
  async prepare(worker: SigningWorker, order: DocumentOrder, move: Move = {}): Promise<KeptSignature> {
    const { store } = this.#parts;
    const { organization: tenant, personId: signer } = worker;
    await this.#refuseStopped(signer);
    if (order.replaces) await this.#refuseForeign(order, { tenant, id: order.replaces.id });
    const part = order.kind === undefined ? {} : this.#partOf(order, order.kind);
    const whole = { ...order, ...part };
    const of = { tenant, signer, subject: order.subject, terms: whole };
    const earlier = await store.signedBefore(of, order.content);
    return earlier ?? this.freeze(worker, { ...whole, purpose: "document" }, move);
  }

  /** The level and the role of who signs first. Throws `document-kind-unknown` and `signer-role-mismatch`. */
  #partOf({ needed, posts = [] }: DocumentOrder, code: string): Pick<Frozen, "needed" | "role"> {
    const { rules } = this.#parts;
    const kind = rules.kind(code);
    const level = strongest(needed, kind.level ?? "qualified") ?? needed;
    return { needed: level, role: rules.roleFor(kind, { posts, signed: [] }) };
  }

  // a new version is of the same patient, or another one's card would be written past decide()
  async #refuseForeign({ subject }: DocumentOrder, of: { tenant: string; id: string }): Promise<void> {
    const [signed] = await standingOverDocument(this.#parts.store, of);
    if (!signed || signed.subject !== subject) throw new GatewayError("not-found", { field: "replaces" });
  }

  /** Freezes a request to open a patient's card, of our own words and with a number of one use (E-11). */
  async prepareCard(worker: SigningWorker, subject: string, move: Move = {}): Promise<KeptSignature> {
    const request = cardRequest(worker, subject, this.#parts.clock.now());
    return this.freeze(worker, { ...request, subject, needed: "qualified", purpose: "card" }, move);
  }

  /**
   * Checks a signature over the frozen bytes and settles the request. Throws one code per cause (E-20); the check is
   * kept as evidence either way.
   */
  async submit(
    worker: SigningWorker,
    id: string,
    submission: Submission,
    move: Move = {},
  ): Promise<Submitted> {
    const { checks, settlement, clock } = this.#parts;
    const { container, powerOfAttorney } = submission;
    const kept = await this.#own(worker, id);
    // a card opens to the session that asked for it, whatever session its challenge was taken to
    if (kept.purpose === "card" && kept.session !== worker.session)
      throw new GatewayError("not-found", { field: "id" });
    if (kept.container && Buffer.compare(kept.container, container) === 0)
      return { signature: kept, problems: [] };
    await this.#refuseStopped(worker.personId);
    await this.#refuseSettled(kept);
    const asked = { ...kept, submittedAt: clock.now(), terms: { ...kept.terms, powerOfAttorney } };
    const verdict = await checks.verdict(asked, container, { isActivated: true });
    const judged = { verdict, container };
    const signature = await settlement.settle(asked, eventOf(verdict), { ...move, judged });
    if (verdict.outcome === "bad") refuse(verdict);
    return { signature, problems: verdict.problems };
  }

  /** A person's own request with every check of it; throws `not-found` for another's. */
  async find(
    worker: Pick<SigningWorker, "personId">,
    id: string,
  ): Promise<{ signature: KeptSignature; checks: Evidence[] }> {
    const signature = await this.#own(worker, id);
    return { signature, checks: await this.checksOf(signature) };
  }

  /** Every check of a request, oldest first. */
  checksOf(signature: KeptSignature, db?: Kysely<Schema>): Promise<Evidence[]> {
    return this.#parts.store.evidence.of(signature, db);
  }

  /** A person's own requests, newest first (E-13). */
  async mine({ personId }: Pick<SigningWorker, "personId">, limit: number): Promise<KeptSignature[]> {
    return this.#parts.store.ofSigner(personId, limit);
  }

  /** Throws `signature-settled` for what came to an end already. */
  async cancel(worker: Pick<SigningWorker, "personId">, id: string, move: Move = {}): Promise<void> {
    await this.#parts.settlement.settle(await this.#own(worker, id), "cancelled", move);
  }

  /**
   * Asks again about what waits for the state of its certificate; says how many came to an end. One that fails stays due
   * and holds up no other; its failure is thrown after the rest.
   */
  async retryDue(): Promise<number> {
    const { store, clock } = this.#parts;
    const due = await store.due("verification-pending", clock.now(), batch);
    const failures: unknown[] = [];
    let settled = 0;
    for (const kept of due) {
      const isSettled = await this.#retried(kept).catch((error) => {
        failures.push(error);
        return false;
      });
      if (isSettled) settled += 1;
    }
    if (failures.length > 0) throw failures[0];
    return settled;
  }

  async #retried(kept: KeptSignature): Promise<boolean> {
    const { checks, settlement } = this.#parts;
    const { container = new Uint8Array() } = kept;
    const verdict = await checks.verdict(kept, container);
    const judged = { verdict, container };
    try {
      await settlement.settle(kept, eventOf(verdict), { judged });
      return verdict.outcome !== "unknown";
    } catch (error) {
      if (!isGatewayError(error) || !tooLate.has(error.code)) throw error;
      return settlement.settle(kept, "refused", { judged }).then(() => true, whoeverWasFirst);
    }
  }

  /** Patients whose card a worker has opened with a signature, and its level (E-11); a lost key opens nothing. */
  async levelsFor(
    { signer, session }: { signer: string; session: string },
    subjects: readonly string[],
  ): Promise<ReadonlyMap<string, SignatureLevel>> {
    const { store, certificates, clock, cardMs } = this.#parts;
    const after = clock.now() - cardMs;
    const signed = await store.signedSince({ signer, session, subjects, purpose: "card", after });
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

  /** Freezes bytes for a signature in this part; throws `signing-stopped`. */
  async freeze(
    { personId, roleId, organization, snils, contact, session }: SigningWorker,
    { purpose, content, subject, posts: _posts, ...rest }: Frozen,
    { within }: Move,
  ): Promise<KeptSignature> {
    const { store, clock, freezeMs } = this.#parts;
    await this.#refuseStopped(personId);
    const digests = digestsOf(content);
    const terms: SignatureTerms = {
      ...rest,
      ...{ roleId, organization, snils, contact, digests },
    };
    const createdAt = clock.now();
    const fresh = {
      ...{ tenant: organization, signer: personId, subject, purpose, terms, content, createdAt },
      state: "prepared",
      ...(purpose === "card" && { session }),
      expiresAt: createdAt + freezeMs,
    };
    return store.db.transaction().execute(async (trx) => {
      const kept = await store.create(fresh, trx);
      await within?.(trx, kept);
      return kept;
    });
  }
}

// what it would sign was changed, deleted or signed while it waited
const tooLate: ReadonlySet<string> = new Set([
  "version-conflict",
  "not-found",
  "gone",
  "signature-settled",
] satisfies ErrorCode[]);

// another replica has settled it meanwhile
function whoeverWasFirst(error: unknown): boolean {
  if (isGatewayError(error) && error.code === "signature-settled") return false;
  throw error;
}

const events = { good: "verified", unknown: "unverified", bad: "refused" } as const;
const eventOf = ({ outcome }: Verdict): SignatureEvent => events[outcome];
