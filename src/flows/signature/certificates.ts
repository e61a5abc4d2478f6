import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { CryptoError } from "../../crypto/errors.ts";
import type { Verifier } from "../../crypto/verifier.ts";
import type { CertificateReport } from "../../crypto/verify-signature.ts";
import { type Certificate, parseCertificate } from "../../crypto/x509.ts";
import type { Schema } from "../../store/schema.ts";
import {
  fingerprintOf,
  type SigningCertificate,
  type SigningCertificateStore,
} from "../../store/signing-certificates.ts";
import type { SigningWorker } from "./terms.ts";
import { isOwn } from "./verdict.ts";

interface CertificatesParts {
  db: Kysely<Schema>;
  store: SigningCertificateStore;
  verifier: Pick<Verifier, "verifyCertificate">;
  clock: Clock;
  toleratedAgeMs: number;
}

/** A certificate with the whole days until its end; below 0 it has ended. */
export type EndingCertificate = SigningCertificate & { days: number };

/** Takes part in the transaction of a deed, with what came of it. */
export type Within<T> = (trx: Kysely<Schema>, outcome: T) => Promise<void>;

const dayMs = 24 * 3_600_000;

/** Days before a certificate's end on which its owner is told (E-24). */
const noticeDays = [30, 14, 7, 3, 1] as const;

/** What to do after the loss of a signing key, in order (E-25). */
const recoverySteps = [
  "Кабинет уже не принимает подписи этим сертификатом; ничего больше в кабинете делать не нужно",
  "Сразу позвоните в удостоверяющий центр, который выдал сертификат, и потребуйте его отозвать",
  "Сообщите об утрате ответственному за информационную безопасность вашей организации",
  "Получите новый сертификат: придите в удостоверяющий центр с паспортом и СНИЛС",
  "Добавьте новый сертификат в профиль кабинета и введите код из сообщения: после этого подписание откроется снова",
] as const;

/** Certificates that workers sign with: bound after a check, watched before their end, stopped when a key is lost. */
export class SigningCertificates {
  readonly #parts: CertificatesParts;

  constructor(parts: CertificatesParts) {
    this.#parts = parts;
  }

  /**
   * Binds a certificate to its owner after the whole check (E-08, E-10). Throws `signature-…` for what is wrong with
   * it and `upstream-unavailable` when nobody says whether it is revoked.
   */
  async bind(
    worker: SigningWorker,
    { der, chain = [] }: { der: Uint8Array; chain?: readonly Uint8Array[] },
    within?: Within<SigningCertificate>,
  ): Promise<SigningCertificate> {
    const { db, store, clock } = this.#parts;
    const certificate = readable(der);
    if (!isOwn(certificate, worker.snils)) throw new GatewayError("signature-owner-mismatch");
    const known = (await store.of(worker.personId)).find(
      ({ fingerprint }) => fingerprint === fingerprintOf(der),
    );
    if (known?.lostAt !== undefined) throw new GatewayError("signing-stopped");
    refuseProblems(await this.#checked(der, chain));
    const { notAfter } = certificate;
    const { personId: person, contact } = worker;
    const fresh = { person, der, notAfter: notAfter.getTime(), boundAt: clock.now(), contact };
    return db.transaction().execute(async (trx) => {
      await store.bind(fresh, trx);
      const bound = await store.of(person, trx);
      const own = bound.find(({ fingerprint }) => fingerprint === fingerprintOf(der)) ?? missing();
      await within?.(trx, own);
      return own;
    });
  }

  of(personId: string): Promise<SigningCertificate[]> {
    return this.#parts.store.of(personId);
  }

  /** The key of a certificate is lost: nothing signed with it is accepted from now on. Throws `not-found`. */
  async reportLost(
    person: string,
    fingerprint: string,
    within?: Within<readonly string[]>,
  ): Promise<readonly string[]> {
    const { db, store, clock } = this.#parts;
    return db.transaction().execute(async (trx) => {
      const isKnown = await store.lose(trx, { person, fingerprint, at: clock.now() });
      if (!isKnown) throw new GatewayError("not-found", { field: "id" });
      await within?.(trx, recoverySteps);
      return recoverySteps;
    });
  }

  /** An active certificate opens what needs one: booking of patients, records, applications to funds (E-08). */
  async isActive(personId: string): Promise<boolean> {
    const now = this.#parts.clock.now();
    return (await this.#parts.store.of(personId)).some(
      ({ activatedAt, lostAt, notAfter }) =>
        activatedAt !== undefined && lostAt === undefined && notAfter >= now,
    );
  }

  /** Whether the owner has confirmed this certificate by a code (E-09). */
  async isActivated(personId: string, fingerprint: string): Promise<boolean> {
    const own = (await this.#parts.store.of(personId)).find((one) => one.fingerprint === fingerprint);
    return own?.activatedAt !== undefined;
  }

  /**
   * Since when a lost key stops all signing, in clock milliseconds: it may be the only key of a stolen device, so that
   * nothing but the activation of another certificate by a code after the loss opens it again (E-25).
   */
  async stoppedSince(personId: string): Promise<number | undefined> {
    const { lostAt, activatedAt = 0 } = await this.#parts.store.lossOf(personId);
    return lostAt !== undefined && activatedAt <= lostAt ? lostAt : undefined;
  }

  async isStopped(personId: string): Promise<boolean> {
    return (await this.stoppedSince(personId)) !== undefined;
  }

  /** Fingerprints of the certificates whose key the person has lost. */
  async lost(personId: string): Promise<ReadonlySet<string>> {
    const bound = await this.#parts.store.of(personId);
    return new Set(bound.filter(({ lostAt }) => lostAt !== undefined).map(({ fingerprint }) => fingerprint));
  }

  /** Whole days until the end, for each certificate in use that ends within the longest notice. */
  async ending(): Promise<EndingCertificate[]> {
    const now = this.#parts.clock.now();
    const ending = await this.#parts.store.endingBefore(now + (noticeDays[0] + 1) * dayMs);
    return ending.map((one) => ({ ...one, days: Math.floor((one.notAfter - now) / dayMs) }));
  }

  /** Whole days until the first certificate in use ends; undefined when there is none. */
  async daysToFirstEnd(): Promise<number | undefined> {
    const now = this.#parts.clock.now();
    const end = await this.#parts.store.firstEnd(now);
    return end === undefined ? undefined : Math.floor((end - now) / dayMs);
  }

  /** Queues the notices that are due, each once over all replicas, in the transaction that says so; counts them. */
  async sendNotices(send: (trx: Kysely<Schema>, of: EndingCertificate) => Promise<unknown>): Promise<number> {
    const { store } = this.#parts;
    let sent = 0;
    for (const one of await this.ending()) {
      const step = noticeDays.findLast((days) => one.days <= days);
      if (step === undefined || (one.noticedDays !== undefined && one.noticedDays <= step)) continue;
      if (await store.notice(one, step, (trx) => send(trx, one))) sent += 1;
    }
    return sent;
  }

  async #checked(certificateDer: Uint8Array, others: readonly Uint8Array[]): Promise<CertificateReport> {
    const { verifier, clock, toleratedAgeMs } = this.#parts;
    for (const other of others) readable(other);
    return verifier.verifyCertificate({ certificateDer, others, at: new Date(clock.now()), toleratedAgeMs });
  }
}

function refuseProblems({ problems }: CertificateReport): void {
  const certain = problems.find(({ code }) => code !== "revocation-unknown");
  if (certain && certain.code !== "revocation-unknown")
    throw new GatewayError(`signature-${certain.code}`, { detail: certain.detail });
  if (problems.length > 0)
    throw new GatewayError("upstream-unavailable", {
      retryAfter: 60,
      detail: "nobody says whether the certificate is revoked",
    });
}

function readable(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new GatewayError("signature-format", { field: "certificate", detail: cause.message, cause });
  }
}

function missing(): never {
  throw new GatewayError("internal", { detail: "a bound certificate was not found" });
}
