import { randomInt } from "node:crypto";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** What a code confirms: one given for another thing does not fit. */
export interface CodeUse {
  /** keyed hash of the person */
  owner: string;
  purpose: string;
  /** id of what is confirmed */
  target: string;
}

export interface IssuedCode {
  code: string;
  /** clock milliseconds */
  expiresAt: number;
  /** before this time no other one is sent */
  resendAt: number;
}

export type CodeVerdict = "right" | "malformed" | "wrong" | "expired" | "locked";

/** L-27, L-30; the pause and the length of the lock are ours. */
export const codeLimits = { lifeMs: 300_000, pauseMs: 60_000, wrongCodes: 3, lockMs: 900_000 };

const domain = "one-time-code";

/** Codes that the cabinet sends to a person: one in force at a time, so that a new one ends the one before (L-28). */
export class OneTimeCodes {
  readonly #keyring: Keyring;
  readonly #clock: Clock;

  constructor(parts: { keyring: Keyring; clock: Clock }) {
    this.#keyring = parts.keyring;
    this.#clock = parts.clock;
  }

  /** A new code in the caller's transaction; throws `code-locked` and `code-too-soon` with the seconds to wait. */
  async issue(trx: Kysely<Schema>, { owner, purpose, target }: CodeUse): Promise<IssuedCode> {
    const { lifeMs, pauseMs } = codeLimits;
    const now = this.#clock.now();
    const current = await this.#current(trx, owner);
    if (current && current.locked_until > now)
      throw new GatewayError("code-locked", { retryAfter: (current.locked_until - now) / 1_000 });
    if (current && current.sent_at + pauseMs > now)
      throw new GatewayError("code-too-soon", { retryAfter: (current.sent_at + pauseMs - now) / 1_000 });
    const code = String(randomInt(1_000_000)).padStart(6, "0");
    const fresh = {
      purpose,
      target,
      code_mac: this.#macOf(code, { owner, purpose, target }),
      sent_at: now,
      expires_at: now + lifeMs,
      // a new code is no new chance to guess
      wrong: current && current.locked_until === 0 ? current.wrong : 0,
      locked_until: 0,
    };
    await trx
      .insertInto("one_time_code")
      .values({ owner, ...fresh })
      .onConflict((conflict) => conflict.column("owner").doUpdateSet(fresh))
      .execute();
    return { code, expiresAt: fresh.expires_at, resendAt: now + pauseMs };
  }

  /**
   * Checks what the person entered, in the caller's transaction. The right code is used up with it; a wrong one
   * counts only when the transaction commits, so the caller commits whatever the verdict.
   */
  async check(trx: Kysely<Schema>, use: CodeUse, entered: string): Promise<CodeVerdict> {
    const { owner } = use;
    const current = await this.#current(trx, owner);
    const now = this.#clock.now();
    if (current && current.locked_until > now) return "locked";
    if (!/^\d{6}$/.test(entered)) return "malformed";
    if (!current || current.expires_at < now) return "expired";
    if (current.code_mac !== this.#macOf(entered, use)) return this.#miss(trx, owner, current.wrong + 1);
    await trx.deleteFrom("one_time_code").where("owner", "=", owner).execute();
    return "right";
  }

  async #miss(trx: Kysely<Schema>, owner: string, wrong: number): Promise<"wrong" | "locked"> {
    const { wrongCodes, lockMs } = codeLimits;
    const isLast = wrong >= wrongCodes;
    await trx
      .updateTable("one_time_code")
      .set({ wrong, ...(isLast && { locked_until: this.#clock.now() + lockMs, expires_at: 0 }) })
      .where("owner", "=", owner)
      .execute();
    return isLast ? "locked" : "wrong";
  }

  #current(trx: Kysely<Schema>, owner: string) {
    return trx
      .selectFrom("one_time_code")
      .selectAll()
      .where("owner", "=", owner)
      .forUpdate()
      .executeTakeFirst();
  }

  #macOf(code: string, { owner, purpose, target }: CodeUse): string {
    return this.#keyring.hmac(domain, owner, purpose, target, code);
  }
}
