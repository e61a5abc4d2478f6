import type { Clock } from "../../../core/clock.ts";

/** Values that are forgotten after a time; forgotten ones are swept out as new ones come in. */
export class ExpiringMap<T> {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #entries = new Map<string, { value: T; until: number }>();

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  set(key: string, value: T): void {
    this.#sweep();
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#clock.now() + this.#lifeMs });
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    return entry && this.#clock.now() < entry.until ? entry.value : undefined;
  }

  /** Reads and forgets: of two takers only one gets the value. */
  take(key: string): T | undefined {
    const value = this.get(key);
    this.#entries.delete(key);
    return value;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  // every life is the same, so the order of insertion is the order of expiry
  #sweep(): void {
    for (const [key, { until }] of this.#entries) {
      if (this.#clock.now() < until) return;
      this.#entries.delete(key);
    }
  }
}
