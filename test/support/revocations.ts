import { TokenRevocations } from "../../src/access/token-revocations.ts";
import { Cache } from "../../src/cache/cache.ts";
import type { Clock } from "../../src/core/clock.ts";

/** Revoked tokens of one replica, held in memory. */
export function revocationsInMemory(clock: Clock): TokenRevocations {
  const revoked = new Set<string>();
  return new TokenRevocations({
    clock,
    cache: new Cache({ clock, maxBytes: 1_000_000 }),
    claimOnce: async (purpose, value) => !!revoked.add(purpose + value),
    isClaimed: async (purpose, value) => revoked.has(purpose + value),
  });
}
