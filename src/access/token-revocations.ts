import type { Cache } from "../cache/cache.ts";
import { type CacheSpec, kept } from "../cache/spec.ts";
import { withdrawEverywhere } from "../cache/withdrawal.ts";
import type { Clock } from "../core/clock.ts";
import type { ClaimOnce } from "../store/once.ts";

interface TokenRevocationParts {
  cache: Cache;
  clock: Clock;
  claimOnce: ClaimOnce;
  isClaimed: (purpose: string, value: string) => Promise<boolean>;
}

const purpose = "revoked-token";
const keptSeconds = 60;
// a request that was put off may come up when its token has run out
const rememberedMs = 86_400_000;

/** What the cache is asked about a token, made once for each. */
export const revocationOf = (tokenId: string): CacheSpec =>
  kept({
    name: "token",
    tenant: "",
    key: [tokenId],
    subjects: [subjectOf(tokenId)],
    seconds: keptSeconds,
  });

const subjectOf = (tokenId: string) => `token ${tokenId}`;

/** Access tokens that were revoked before their time (RFC 7009). The database is the record, the cache holds answers under leases. */
export class TokenRevocations {
  readonly #parts: TokenRevocationParts;

  constructor(parts: TokenRevocationParts) {
    this.#parts = parts;
  }

  /** True when this replica may say at once that the token stands. */
  isKnownGood(spec: CacheSpec): boolean {
    return this.#parts.cache.peek<boolean>(spec)?.value === false;
  }

  /** Throws `store-unavailable`. */
  async isRevoked(spec: CacheSpec): Promise<boolean> {
    const [tokenId = ""] = spec.key;
    const { value } = await this.#parts.cache.getOrLoad(spec, () => this.#parts.isClaimed(purpose, tokenId));
    return value;
  }

  /** Resolves when no replica takes the token any more; `expiresAt` in clock milliseconds. */
  async revoke(tokenId: string, expiresAt: number): Promise<void> {
    await this.#parts.claimOnce(purpose, tokenId, expiresAt + rememberedMs);
    await withdrawEverywhere(this.#parts, [subjectOf(tokenId)]);
  }
}
