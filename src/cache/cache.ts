import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { type Generations, isCurrent, LocalGenerations, type Stamp } from "./generations.ts";
import { type CacheObserver, silentCacheObserver } from "./observer.ts";
import type { SharedLayer } from "./shared-layer.ts";
import { SingleFlight } from "./single-flight.ts";
import { type CacheSpec, frozen, identityOf, type Stored } from "./spec.ts";

interface Cached<T> {
  /** frozen, shared by all who ask: copy before changing */
  value: T;
  /** clock milliseconds at which loading began */
  asOf: number;
  result: "hit" | "miss";
}

interface CacheOptions {
  clock: Clock;
  /** of L1, as JSON text */
  maxBytes: number;
  generations?: Generations;
  shared?: SharedLayer;
  observer?: CacheObserver;
}

interface Entry {
  stored: Stored;
  stamp: Stamp;
  bytes: number;
}

/**
 * Answers kept in process (L1) and in Redis (L2). An expired or invalidated answer is never served, not even when
 * loading fails: registry answers ground decisions (I-20, V-12), and an age limit longer than `seconds` would be
 * just a longer `seconds`. Values must be JSON.
 */
export class Cache {
  readonly #options: CacheOptions;
  readonly #generations: Generations;
  readonly #observer: CacheObserver;
  readonly #entries: LRUCache<string, Entry>;
  readonly #flights = new SingleFlight();
  #turn = 0;
  #turnEnds = false;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#generations = options.generations ?? new LocalGenerations();
    this.#observer = options.observer ?? silentCacheObserver;
    this.#entries = new LRUCache({ maxSize: options.maxBytes, sizeCalculation: ({ bytes }) => bytes });
  }

  /** The answer if this process may give it at once. */
  peek<T>(spec: CacheSpec): Cached<T> | undefined {
    return this.#hit(spec, identityOf(spec));
  }

  /** The answer, loaded once for all who ask for it at the same time; throws what `load` throws. */
  async getOrLoad<T>(spec: CacheSpec, load: () => Promise<T>): Promise<Cached<T>> {
    const identity = identityOf(spec);
    const hit = this.#hit<T>(spec, identity);
    if (hit) return hit;
    const stamp = await this.#generations.capture(spec.subjects);
    if (!stamp) return this.#loadUntrusted(spec, identity, load);
    const flightKey = `${identity}${stamp.epoch}${stamp.generations.join()}`;
    const found = await this.#flights.run(flightKey, () => this.#fill(spec, stamp, load));
    this.#observer.request(spec.name, found.result);
    return found;
  }

  /** Makes every answer about the subject unreachable; see Generations.bump. */
  async bump(subject: string): Promise<void> {
    this.#observer.invalidated();
    await this.#generations.bump(subject);
  }

  async close(): Promise<void> {
    await this.#generations.close();
  }

  #hit<T>(spec: CacheSpec, identity: string): Cached<T> | undefined {
    const stored = this.#lookUp(spec, identity);
    if (!stored) return undefined;
    this.#observer.request(spec.name, "hit");
    return { value: stored.value as T, asOf: stored.asOf, result: "hit" };
  }

  #lookUp(spec: CacheSpec, identity: string): Stored | undefined {
    const entry = this.#entries.get(identity);
    if (!entry || entry.stored.expiresAt <= this.#options.clock.now()) return undefined;
    if (spec.subjects.length > 0 && !this.#generations.trusted()) return undefined;
    return isCurrent(entry.stamp) ? entry.stored : undefined;
  }

  async #fill<T>(spec: CacheSpec, stamp: Stamp, load: () => Promise<T>): Promise<Cached<T>> {
    const identity = identityOf(spec);
    // filled by the flight before this one
    const late = this.#lookUp(spec, identity);
    if (late) return { value: late.value as T, asOf: late.asOf, result: "hit" };
    const { shared } = this.#options;
    const fetch = () => this.#load(spec, load);
    const { stored, result } = shared
      ? await shared.readOrFill(spec, stamp, fetch)
      : { stored: await fetch(), result: "miss" as const };
    this.#keep(identity, { stored, stamp, bytes: stored.bytes + identity.length });
    return { value: stored.value as T, asOf: stored.asOf, result };
  }

  async #load<T>(spec: CacheSpec, load: () => Promise<T>): Promise<Stored> {
    const asOf = this.#options.clock.now();
    const value = await load();
    // spread, so that answers loaded together do not all end together
    const expiresAt = asOf + spec.seconds * (900 + Math.random() * 100);
    return { value: frozen(value), asOf, expiresAt, bytes: JSON.stringify(value)?.length ?? 0 };
  }

  #keep(identity: string, entry: Entry): void {
    const isOver = entry.stored.expiresAt <= this.#options.clock.now() || !isCurrent(entry.stamp);
    // an answer of before a bump must not push out one of after it
    if (!isOver) this.#entries.set(identity, entry);
  }

  /**
   * Without a lease nobody knows whether a load that is under way began before a withdrawal; only callers of the
   * same turn of the event loop share one, and nothing is kept.
   */
  async #loadUntrusted<T>(spec: CacheSpec, identity: string, load: () => Promise<T>): Promise<Cached<T>> {
    const stored = await this.#flights.run(`${identity}turn ${this.#currentTurn()}`, () =>
      this.#load(spec, load),
    );
    this.#observer.request(spec.name, "bypass");
    return { value: stored.value as T, asOf: stored.asOf, result: "miss" };
  }

  #currentTurn(): number {
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(() => {
        this.#turn += 1;
        this.#turnEnds = false;
      });
    }
    return this.#turn;
  }
}
