import type { Clock } from "./clock.ts";

export interface QuotaSettings {
  requests: number;
  perSeconds: number;
  /** how many may go at once after a rest; default: one second's share, at least 1 */
  burst?: number;
}

// tokens are fractions added up: a whole one may come out a hair short
const hair = 1e-6;

/** Over any span of t seconds at most `burst + t * requests / perSeconds` tokens are taken. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(settings: QuotaSettings, clock: Clock) {
    this.#clock = clock;
    this.#perMs = settings.requests / (settings.perSeconds * 1_000);
    this.#burst = settings.burst ?? Math.max(1, Math.floor(settings.requests / settings.perSeconds));
    this.#tokens = this.#burst;
    this.#filledAt = clock.now();
  }

  /** how many may go at once after a rest */
  get burst(): number {
    return this.#burst;
  }

  get remaining(): number {
    this.#fill();
    return Math.floor(this.#tokens);
  }

  take(): boolean {
    this.#fill();
    if (this.#tokens < 1 - hair) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until the n-th token from now is there, if nobody else takes one. */
  waitMs(nth: number): number {
    this.#fill();
    const missing = nth - this.#tokens;
    return missing <= hair ? 0 : Math.ceil((missing - hair) / this.#perMs);
  }

  #fill(): void {
    const now = this.#clock.now();
    // a wall clock set back earns nothing
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsed * this.#perMs);
    this.#filledAt = now;
  }
}
