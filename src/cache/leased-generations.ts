import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { type Cell, createCells, type Generations, type Stamp, stampOf } from "./generations.ts";
import type { RedisLink } from "./redis.ts";
import { bumpScript, renewScript } from "./scripts.ts";

interface LeasedGenerationsOptions {
  link: RedisLink;
  keyring: Keyring;
  clock: Clock;
  namespace?: string;
  /** milliseconds that never step back; leases are measured by it */
  monotonic?: () => number;
}

/** How long a replica may give kept answers after it last heard from Redis. */
export const leaseMs = 2_000;
const renewEveryMs = 600;
// the registration outlives the lease that it stands for
const registrationMs = leaseMs + 500;
// longer than any entry may live, so that a forgotten generation has no entry left
const generationLifeMs = 2 * 86_400_000;
const logLength = 10_000;

/**
 * Generations shared through Redis. A replica trusts those in its process while its lease lives. A lease is renewed
 * only by reading the log of bumps up to its end, so a lost event delays a bump but never hides it; a bump is done
 * when every registered replica has confirmed it or can hold no lease any more. Another Redis server, or one that
 * restarted (run_id), is another epoch: everything known before is forgotten, entries in L2 become unreachable.
 */
export class LeasedGenerations implements Generations {
  readonly #options: LeasedGenerationsOptions;
  readonly #replica = randomUUID();
  readonly #keys: { last: string; log: string; replicas: string; bumps: string; acks: string };
  readonly #hashes = new LRUCache<string, string>({ maxSize: 200_000, sizeCalculation: () => 1 });
  readonly #cells = createCells();
  readonly #acks = new Acknowledgements();
  readonly #closing = new AbortController();
  readonly #monotonic: () => number;
  #epoch = "";
  #epochSince = 0;
  #known = 0;
  #leaseUntil = Number.NEGATIVE_INFINITY;
  #renewal: Promise<void> | undefined;

  constructor(options: LeasedGenerationsOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    const prefix = `{${options.namespace ?? "cg"}}`;
    this.#keys = {
      last: `${prefix}:last`,
      log: `${prefix}:log`,
      replicas: `${prefix}:replicas`,
      bumps: `${prefix}:bumps`,
      acks: `${prefix}:acks`,
    };
  }

  /** Registers this replica and keeps its lease until `close`. */
  async start(): Promise<void> {
    const { link } = this.#options;
    link.subscribe(this.#keys.bumps, (event) => this.#onBump(event));
    link.subscribe(this.#keys.acks, (ack) => this.#acks.hear(ack));
    link.onReady(() => void this.#renew());
    await this.#renew();
    void this.#beat();
  }

  trusted(): boolean {
    return this.#leaseUntil > this.#monotonic();
  }

  async capture(subjects: readonly string[]): Promise<Stamp | undefined> {
    if (subjects.length === 0) return stampOf([], this.#epoch);
    if (!this.trusted() && this.#options.link.up) await this.#renew();
    const cells = subjects.map((subject) => this.#cellOf(this.#hashOf(subject)));
    const unknown = cells.filter((cell) => cell.generation < 0);
    if (unknown.length > 0) await this.#readGenerations(unknown);
    // dropped meanwhile, unread, or out of lease: nobody knows
    if (!this.trusted() || cells.some((cell) => cell.generation < 0)) return undefined;
    return stampOf(cells, this.#epoch);
  }

  async bump(subject: string): Promise<void> {
    const hash = this.#hashOf(subject);
    const known = this.#known;
    const reply = await this.#options.link.probe((redis) => {
      const keys = [this.#keys.last, this.#keys.log, this.#keys.replicas, this.#keyOf(hash)];
      return redis.eval(bumpScript, 4, ...keys, hash, generationLifeMs, this.#keys.bumps, logLength);
    });
    if (!reply) {
      this.#cells.delete(hash);
      throw new GatewayError("store-unavailable", {
        retryAfter: 2,
        detail: "the generation was not raised: Redis does not answer",
      });
    }
    const [epoch, number, live] = reply as [string, number, string[]];
    this.#apply(hash, number);
    // a replica that held its lease of an epoch before is not in this one's register
    const settled = epoch === this.#epoch && number > known && this.#monotonic() - this.#epochSince > leaseMs;
    await this.#confirmed(settled ? live.filter((replica) => replica !== this.#replica) : undefined, number);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    await this.#options.link.attempt((redis) => redis.zrem(this.#keys.replicas, this.#replica));
  }

  /** Waits for these replicas, at most until no lease of before the bump can live; undefined: for the latter. */
  async #confirmed(replicas: readonly string[] | undefined, number: number): Promise<void> {
    const done = new AbortController();
    const expired = this.#options.clock.sleep(leaseMs, done.signal).catch(() => {});
    await (replicas ? Promise.race([this.#acks.of(replicas, number, done.signal), expired]) : expired);
    done.abort();
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#closing.signal.aborted) {
      await clock.sleep(renewEveryMs, this.#closing.signal).catch(() => {});
      await this.#renew();
    }
  }

  #renew(): Promise<void> {
    this.#renewal ??= this.#renewNow().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #renewNow(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const startedAt = this.#monotonic();
    const known = this.#known;
    const reply = await this.#options.link.probe((redis) => {
      const keys = [this.#keys.last, this.#keys.log, this.#keys.replicas];
      return redis.eval(renewScript, 3, ...keys, this.#replica, known, registrationMs);
    });
    if (!reply || this.#closing.signal.aborted) return;
    const [epoch, last, missed] = reply as [string, number, string[]];
    if (epoch !== this.#epoch || last - known !== missed.length) this.#forget(epoch);
    for (const event of missed) this.#applyEvent(event);
    this.#known = Math.max(this.#known, last);
    // counted from before the log was read
    this.#leaseUntil = startedAt + leaseMs;
    if (missed.length > 0) this.#acknowledge();
  }

  #forget(epoch: string): void {
    this.#cells.clear();
    this.#known = 0;
    this.#epoch = epoch;
    this.#epochSince = this.#monotonic();
    this.#acks.forget(epoch);
  }

  #onBump(event: string): void {
    const number = this.#applyEvent(event);
    if (number > this.#known + 1) {
      // an event was lost: only the log can tell which
      void this.#renew();
      return;
    }
    this.#known = Math.max(this.#known, number);
    this.#acknowledge();
  }

  #acknowledge(): void {
    const ack = `${this.#replica} ${this.#epoch} ${this.#known}`;
    void this.#options.link.attempt((redis) => redis.publish(this.#keys.acks, ack));
  }

  #applyEvent(event: string): number {
    const [number, hash = ""] = event.split(" ");
    this.#apply(hash, Number(number));
    return Number(number);
  }

  #apply(hash: string, number: number): void {
    const cell = this.#cells.peek(hash);
    if (cell) cell.generation = Math.max(cell.generation, number);
  }

  async #readGenerations(cells: readonly Cell[]): Promise<void> {
    const read = await this.#options.link.attempt((redis) =>
      redis.mget(cells.map((cell) => this.#keyOf(cell.hash))),
    );
    for (const [index, cell] of cells.entries()) {
      // a bump that came meanwhile is newer; a dropped cell stays unknown
      if (read && this.#cells.peek(cell.hash) === cell)
        cell.generation = Math.max(cell.generation, Number(read[index] ?? 0));
    }
  }

  #keyOf(hash: string): string {
    return `{${this.#options.namespace ?? "cg"}}:generation:${hash}`;
  }

  #hashOf(subject: string): string {
    let hash = this.#hashes.get(subject);
    if (!hash) {
      hash = this.#options.keyring.hmac("cache-subject", subject);
      this.#hashes.set(subject, hash);
    }
    return hash;
  }

  #cellOf(hash: string): Cell {
    let cell = this.#cells.get(hash);
    if (!cell) {
      cell = { hash, generation: -1 };
      this.#cells.set(hash, cell);
    }
    return cell;
  }
}
