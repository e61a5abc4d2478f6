import { randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Stamp } from "./generations.ts";
import type { RedisLink } from "./redis.ts";
import { claimScript, releaseScript } from "./scripts.ts";
import { type CacheSpec, frozen, type Stored } from "./spec.ts";

interface SharedLayerOptions {
  link: RedisLink;
  keyring: Keyring;
  clock: Clock;
  /** prefix of every key */
  namespace?: string;
}

interface Filled {
  stored: Stored;
  result: "hit" | "miss";
}

// longer than most loads; how long the others wait for a replica that died while loading
const lockMs = 5_000;
const pollMs = 25;

/** L2: answers in Redis, sealed, under HMACed keys that carry the generations; one replica loads, the rest wait. */
export class SharedLayer {
  readonly #options: SharedLayerOptions;

  constructor(options: SharedLayerOptions) {
    this.#options = options;
  }

  /** The stored answer, or the loaded one stored; a Redis that is away means loading here. Throws what `load` throws. */
  async readOrFill(spec: CacheSpec, stamp: Stamp, load: () => Promise<Stored>): Promise<Filled> {
    const { clock } = this.#options;
    const key = this.#keyOf(spec, stamp);
    const token = randomUUID();
    const giveUpAt = clock.now() + lockMs;
    for (;;) {
      const claim = await this.#claim(key, token);
      if (typeof claim === "object") return { stored: claim, result: "hit" };
      if (claim !== "taken" || clock.now() >= giveUpAt) break;
      await clock.sleep(pollMs * (0.5 + Math.random()));
    }
    try {
      const stored = await load();
      void this.#write(key, stored).then(() => this.#release(key, token));
      return { stored, result: "miss" };
    } catch (error) {
      void this.#release(key, token);
      throw error;
    }
  }

  async #claim(key: string, token: string): Promise<Stored | "ours" | "taken" | undefined> {
    const reply = await this.#options.link.attempt((redis) =>
      redis.callBuffer("EVAL", claimScript, 2, key, `${key}:lock`, token, lockMs),
    );
    if (reply instanceof Uint8Array) return this.#open(key, reply);
    return reply === 0 ? "taken" : reply === 1 ? "ours" : undefined;
  }

  async #write(key: string, stored: Stored): Promise<void> {
    const { link, keyring, clock } = this.#options;
    const lifeMs = Math.floor(stored.expiresAt - clock.now());
    if (lifeMs <= 0) return;
    const sealed = Buffer.from(keyring.seal("cache", Buffer.from(JSON.stringify(stored)), key));
    await link.attempt((redis) => redis.set(key, sealed, "PX", lifeMs));
  }

  async #release(key: string, token: string): Promise<void> {
    await this.#options.link.attempt((redis) => redis.eval(releaseScript, 1, `${key}:lock`, token));
  }

  /** undefined for what another key sealed: it is loaded again and written over */
  #open(key: string, sealed: Uint8Array): Stored | undefined {
    const { keyring, clock } = this.#options;
    try {
      const stored: Stored = JSON.parse(Buffer.from(keyring.open("cache", sealed, key)).toString());
      return stored.expiresAt > clock.now() ? frozen(stored) : undefined;
    } catch {
      return undefined;
    }
  }

  #keyOf(spec: CacheSpec, stamp: Stamp): string {
    const { keyring, namespace = "cg" } = this.#options;
    const parts = [spec.name, spec.tenant, stamp.epoch, stamp.generations, spec.subjects, spec.key];
    const mac = keyring.hmac("cache-key", ...parts.map((part) => JSON.stringify(part)));
    // braces: value and lock are on one node of a cluster
    return `${namespace}:{${mac}}`;
  }
}
