import type { Kysely } from "kysely";
import type { Cache } from "../cache/cache.ts";
import { withdrawEverywhere } from "../cache/withdrawal.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Schema } from "../store/schema.ts";
import type { FoundSession, SessionKey, SessionKind, SessionStore } from "../store/sessions.ts";
import type { SessionFacts } from "./session-facts.ts";

export interface SessionLimits {
  idleSeconds: number;
  lifeSeconds: number;
  /** age at which a token is replaced */
  rotateSeconds: number;
}

export interface SessionsParts {
  store: SessionStore;
  cache: Cache;
  clock: Clock;
  limits: SessionLimits;
}

/** The answer about a cookie; `newToken` must replace it in the browser. */
export type Checked =
  | { standing: "open"; facts: SessionFacts; newToken?: string }
  | { standing: "unknown" }
  | { standing: "expired" }
  /** every session of the person has been ended */
  | { standing: "compromised"; facts: SessionFacts };

interface Known {
  standing: "unknown" | "expired" | "replayed" | "open";
  facts?: SessionFacts;
  deviceHash?: string;
  expiresAt?: number;
  /** absent for a token that has been replaced */
  issuedAt?: number;
}

/** Takes part in the transaction of a change; `forgotten` is what caches must not answer about any more. */
export type WithinChange = (trx: Kysely<Schema>, forgotten: readonly string[]) => Promise<void>;

/** requests that were under way with the old token when the new one came into use */
const graceMs = 30_000;
const longestCacheSeconds = 30;

/** Sessions of people. The database is the record; facts of a checked token stay in the cache for seconds. */
export class Sessions {
  readonly #store: SessionStore;
  readonly #cache: Cache;
  readonly #clock: Clock;
  readonly #limits: SessionLimits;

  constructor({ store, cache, clock, limits }: SessionsParts) {
    this.#store = store;
    this.#cache = cache;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Opens a session; its token goes into the cookie and nowhere else. */
  async open(
    person: { owner: string; kind: SessionKind; deviceHash: string },
    facts: Omit<SessionFacts, "id" | "kind" | "owner">,
  ): Promise<{ id: string; token: string }> {
    const expiresAt = this.#clock.now() + this.#limits.lifeSeconds * 1000;
    return this.#store.create({ ...person, facts, expiresAt });
  }

  /**
   * Judges a token that came from a device. A spent token after its grace, or a token from a foreign device,
   * ends all sessions of the person (L-21). Throws `store-unavailable`.
   */
  async check(token: string, deviceHash: string): Promise<Checked> {
    const hash = this.#store.hashOf(token);
    const known = await this.#known(hash);
    const { facts, expiresAt = 0, issuedAt } = known;
    if (known.standing === "unknown" || !facts) return { standing: "unknown" };
    if (known.standing === "expired" || expiresAt <= this.#clock.now()) {
      await this.#endRefused({ id: facts.id });
      return { standing: "expired" };
    }
    if (known.standing === "replayed" || known.deviceHash !== deviceHash) {
      await this.#endRefused({ owner: facts.owner });
      return { standing: "compromised", facts };
    }
    return { standing: "open", facts, newToken: await this.#rotated(facts.id, issuedAt) };
  }

  /** Changes what is known of the person; every replica sees it when this resolves. */
  async change(
    session: Pick<SessionFacts, "id">,
    change: (facts: SessionFacts) => SessionFacts,
    within: WithinChange = async () => {},
  ): Promise<void> {
    const hashes = await this.#store.change(
      session.id,
      (facts) => change(facts as SessionFacts),
      (trx, tokens) => within(trx, tokens.map(subjectOf)),
    );
    if (!hashes) throw new GatewayError("unauthorized", { detail: "the session has ended" });
    await this.#forget(hashes);
  }

  /** Ends one session on all replicas; throws `store-unavailable` when not all of them can have confirmed. */
  async end({ id }: Pick<SessionFacts, "id">): Promise<void> {
    await this.#forget(await this.#store.end({ id }));
  }

  /** The refusal stands whether or not every replica has confirmed: a dead Redis must not turn it into a 503. */
  async #endRefused(of: SessionKey): Promise<void> {
    await this.#forget(await this.#store.end(of)).catch(() => {});
  }

  async #forget(hashes: readonly string[]): Promise<void> {
    await withdrawEverywhere({ cache: this.#cache, clock: this.#clock }, hashes.map(subjectOf));
  }

  async #known(hash: string): Promise<Known> {
    const { idleSeconds } = this.#limits;
    const seconds = Math.min(longestCacheSeconds, idleSeconds / 20);
    const spec = { name: "session", tenant: "", key: [hash], subjects: [subjectOf(hash)], seconds };
    const { value } = await this.#cache.getOrLoad<Known>(spec, () => this.#load(hash));
    return value;
  }

  async #load(hash: string): Promise<Known> {
    const found = await this.#store.find(hash);
    if (!found) return { standing: "unknown" };
    const { id, owner, kind, deviceHash, expiresAt, token } = found;
    const facts = { ...found.facts, id, owner, kind } as SessionFacts;
    const now = this.#clock.now();
    if (this.#isOver(found, now)) return { standing: "expired", facts };
    if (token.retiredAt !== undefined && token.retiredAt + graceMs <= now)
      return { standing: "replayed", facts, expiresAt };
    await this.#store.touch(found);
    const issuedAt = token.retiredAt === undefined ? token.issuedAt : undefined;
    return { standing: "open", facts, deviceHash, expiresAt, issuedAt };
  }

  #isOver({ seenAt, expiresAt }: FoundSession, now: number): boolean {
    return expiresAt <= now || seenAt + this.#limits.idleSeconds * 1000 <= now;
  }

  // a browser that lost the answer with the new token keeps the old one, which is then replaced again
  async #rotated(id: string, issuedAt: number | undefined): Promise<string | undefined> {
    const before = this.#clock.now() - this.#limits.rotateSeconds * 1000;
    if (issuedAt === undefined || issuedAt > before) return undefined;
    return this.#store.rotate(id, before);
  }
}

const subjectOf = (tokenHash: string): string => `session:${tokenHash}`;
