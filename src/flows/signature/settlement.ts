import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { parseCertificate } from "../../crypto/x509.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { Evidence, KeptSignature, SignatureChange, SignatureStore } from "../../store/signatures.ts";
import { fingerprintOf, type SigningCertificateStore } from "../../store/signing-certificates.ts";
import { storeProvenance, storeSigned } from "./signed-document.ts";
import { next, type SignatureEvent, type SignatureState } from "./state.ts";
import type { SignatureTerms } from "./terms.ts";
import type { Verdict } from "./verdict.ts";
import { toVerificationTask } from "./verification-task.ts";

export interface SettlementParts {
  store: SignatureStore;
  resources: ResourceStore;
  bound: SigningCertificateStore;
  clock: Clock;
}

/** A judged container; without a container it is the one that waits. */
export interface Judged {
  verdict: Verdict;
  container: Uint8Array;
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
  async settle(kept: KeptSignature, event: SignatureEvent, judged?: Judged): Promise<KeptSignature> {
    const { store, clock } = this.#parts;
    const at = clock.now();
    return store.db.transaction().execute(async (trx) => {
      const after = await this.#stateAfter(trx, kept, event);
      if (judged) await store.addEvidence(trx, kept, evidenceOf(kept, judged, at));
      // a refused try leaves nothing but its evidence: the bytes wait for another
      if (after === "prepared") return kept;
      const change: SignatureChange = {
        state: after,
        ...(judged && kept.state === "prepared" && submissionOf(kept, judged)),
        ...timesOf(kept, after, at),
        ...(after === "signed" && judged && { document: await this.#stored(trx, kept, judged, at) }),
      };
      await store.change(trx, kept, change);
      if (isQueued(kept.state) !== isQueued(after))
        await this.#tell(trx, kept, { ...change, state: after, at });
      return { ...kept, ...change, terms: kept.terms };
    });
  }

  // what waits is a Task from the moment it is queued until it is settled (E-26)
  async #tell(
    trx: Kysely<Schema>,
    kept: KeptSignature,
    {
      state,
      at,
      document,
      submittedAt,
    }: Pick<SignatureChange, "document" | "submittedAt"> & {
      state: SignatureState;
      at: number;
    },
  ): Promise<void> {
    const queued = submittedAt === undefined ? kept : { ...kept, submittedAt };
    const { id, tenant, subject } = kept;
    const content = toVerificationTask(queued, { state, at, document });
    await this.#parts.resources.put(trx, { tenant, type: "Task", id, subject, content });
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
  async amend(trx: Kysely<Schema>, kept: KeptSignature, judged: Judged, version: number): Promise<void> {
    const { store, resources, clock } = this.#parts;
    const at = clock.now();
    const terms = kept.terms as SignatureTerms;
    const id = terms.replaces?.id ?? kept.id;
    await this.#supersede(trx, kept.tenant, id);
    await store.create(kept, trx);
    await store.addEvidence(trx, kept, evidenceOf(kept, judged, at));
    await this.#watch(trx, kept, judged, at);
    const document = { id, version };
    await store.change(trx, kept, {
      state: "signed",
      settledAt: at,
      document,
      ...submissionOf(kept, judged),
    });
    await storeProvenance(trx, resources, document, { kept, terms, ...judged, at });
  }

  async #stored(
    trx: Kysely<Schema>,
    kept: KeptSignature,
    judged: Judged,
    at: number,
  ): Promise<{ id: string; version: number } | undefined> {
    await this.#watch(trx, kept, judged, at);
    if (kept.purpose !== "document") return undefined;
    const terms = kept.terms as SignatureTerms;
    if (terms.replaces) await this.#supersede(trx, kept.tenant, terms.replaces.id);
    return storeSigned(trx, this.#parts.resources, { kept, terms, ...judged, at });
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
  async #refuseTwice(trx: Kysely<Schema>, { tenant, signer, content }: KeptSignature): Promise<void> {
    const earlier = await this.#parts.store.signedBefore({ tenant, signer }, content, trx);
    if (earlier) throw new GatewayError("signature-settled", { detail: "these bytes are signed already" });
  }

  async #supersede(trx: Kysely<Schema>, tenant: string, documentId: string): Promise<void> {
    const { store } = this.#parts;
    for (const id of await store.overDocument(trx, { tenant, id: documentId })) {
      const older = await store.find(id, trx);
      const after = older && next(older.state as SignatureState, "superseded");
      if (older && after) await store.change(trx, older, { state: after });
    }
  }
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

/** What an auditor needs to repeat the check: certificate, path, revocation answers, times, and the container itself. */
function evidenceOf(kept: KeptSignature, { verdict, container }: Judged, at: number): Evidence {
  const { report, outcome, problems, level } = verdict;
  const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");
  return {
    at,
    verdict: outcome,
    report: {
      problems,
      level,
      submittedAt: kept.submittedAt,
      signingTime: report.signingTime,
      algorithm: report.algorithm,
      digest: report.digest,
      certificate: report.certificateDer && base64(report.certificateDer),
      path: report.path.map(base64),
      revocation: report.revocation,
      powerOfAttorney: (kept.terms as SignatureTerms).powerOfAttorney,
      container: base64(container),
    },
  };
}
