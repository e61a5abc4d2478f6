import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { sharedTenant } from "../../core/shared-tenant.ts";
import { codeLimits, type OneTimeCodes } from "../../store/one-time-codes.ts";
import type { Schema } from "../../store/schema.ts";
import type { SigningCertificate, SigningCertificateStore } from "../../store/signing-certificates.ts";
import type { Notices } from "../../systems/notify/notices.ts";
import { codeRefusal, type SentCode } from "../sent-code.ts";
import type { Within } from "./certificates.ts";

interface ActivationParts {
  db: Kysely<Schema>;
  store: SigningCertificateStore;
  codes: OneTimeCodes;
  notices: Pick<Notices, "send">;
  clock: Clock;
}

/** Whose certificate waits: keyed hash of the person for the code, logical id for the certificate, and the address. */
export interface Holder {
  owner: string;
  personId: string;
  to: SentCode["to"];
}

const purpose = "certificate-activation";

/** A certificate in a profile waits until its owner enters the code that was sent to them (E-09). */
export class CertificateActivation {
  readonly #parts: ActivationParts;

  constructor(parts: ActivationParts) {
    this.#parts = parts;
  }

  /** Sends a code for a certificate that waits. Throws `not-found`, `certificate-settled`, and `code-*`. */
  sendCode(holder: Holder, fingerprint: string, within?: Within<SentCode>): Promise<SentCode> {
    return this.#parts.db.transaction().execute(async (trx) => {
      const sent = await this.#sendCode(trx, holder, fingerprint);
      await within?.(trx, sent);
      return sent;
    });
  }

  async #sendCode(trx: Kysely<Schema>, holder: Holder, fingerprint: string): Promise<SentCode> {
    const { codes, notices } = this.#parts;
    await this.#waiting(trx, holder, fingerprint);
    const use = { owner: holder.owner, purpose, target: fingerprint };
    const { code, expiresAt, resendAt } = await codes.issue(trx, use);
    await notices.send(trx, {
      to: holder.to,
      kind: "certificate-code",
      parameters: { code, minutes: codeLimits.lifeMs / 60_000 },
      id: `code ${fingerprint} ${expiresAt}`,
      tenant: sharedTenant,
      validUntil: expiresAt,
    });
    return { to: holder.to, expiresAt, resendAt };
  }

  /**
   * As `sendCode`, in the transaction that bound the certificate; undefined when a code was sent just now or codes are
   * locked, so that it is asked for later.
   */
  async sendFirstCode(
    trx: Kysely<Schema>,
    holder: Holder,
    fingerprint: string,
  ): Promise<SentCode | undefined> {
    try {
      return await this.#sendCode(trx, holder, fingerprint);
    } catch (error) {
      const isLater = isGatewayError(error) && /^code-|^certificate-settled$/.test(error.code);
      if (!isLater) throw error;
      return undefined;
    }
  }

  /** From the commit on the certificate is active. Throws `not-found`, `certificate-settled`, and `code-*`. */
  async confirm(
    { owner, personId }: Pick<Holder, "owner" | "personId">,
    { fingerprint, code }: { fingerprint: string; code: string },
    within?: Within<SigningCertificate>,
  ): Promise<SigningCertificate> {
    const { db, codes, store, clock } = this.#parts;
    const outcome = await db.transaction().execute(async (trx) => {
      const waiting = await this.#waiting(trx, { personId }, fingerprint);
      const verdict = await codes.check(trx, { owner, purpose, target: fingerprint }, code);
      // a wrong code counts, so that the transaction commits whatever came of it
      if (verdict !== "right") return { refusal: codeRefusal(verdict) };
      const activatedAt = clock.now();
      await store.activate(trx, waiting, activatedAt);
      const active = { ...waiting, activatedAt };
      await within?.(trx, active);
      return { active };
    });
    if (outcome.refusal) throw outcome.refusal;
    return outcome.active;
  }

  async #waiting(
    trx: Kysely<Schema>,
    { personId }: Pick<Holder, "personId">,
    fingerprint: string,
  ): Promise<SigningCertificate> {
    const found = (await this.#parts.store.of(personId, trx)).find((one) => one.fingerprint === fingerprint);
    if (!found) throw new GatewayError("not-found", { field: "fingerprint" });
    const isOver = found.lostAt !== undefined || found.notAfter < this.#parts.clock.now();
    if (found.activatedAt !== undefined || isOver) throw new GatewayError("certificate-settled");
    return found;
  }
}
