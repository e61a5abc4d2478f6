import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** True for the first claim of a value for a purpose, false for every later one until it runs out. */
export type ClaimOnce = (purpose: string, value: string, expiresAt: number) => Promise<boolean>;

/**
 * Remembers one-time values (token ids, states, codes) for all replicas. The claim resolves to true for the first
 * caller and to false for every later one until `expiresAt` (clock milliseconds); only an HMAC is stored.
 */
export function claimOnce(db: Kysely<Schema>, keyring: Keyring, clock: Clock): ClaimOnce {
  return async (purpose, value, expiresAt) => {
    const { numInsertedOrUpdatedRows } = await db
      .insertInto("one_time_value")
      .values({ hash: keyring.hmac("one-time", purpose, value), expires_at: expiresAt })
      .onConflict((conflict) =>
        conflict
          .column("hash")
          .doUpdateSet({ expires_at: expiresAt })
          .where("one_time_value.expires_at", "<", clock.now()),
      )
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  };
}

/** True when the value was claimed for the purpose and the claim has not run out. */
export function isClaimed(db: Kysely<Schema>, keyring: Keyring, clock: Clock) {
  return async (purpose: string, value: string): Promise<boolean> => {
    const claim = await db
      .selectFrom("one_time_value")
      .select("expires_at")
      .where("hash", "=", keyring.hmac("one-time", purpose, value))
      .where("expires_at", ">=", clock.now())
      .executeTakeFirst();
    return claim !== undefined;
  };
}
