import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { CryptoError } from "./errors.ts";
import type { RevocationState } from "./ocsp.ts";
import type { RevocationAnswer, RevocationSources, VerifiedAnswer } from "./revocation.ts";

/** One request, no redirects followed, no more than `maxBytes` read. POST with the OCSP media type when there is a body. */
export type RevocationNetwork = (
  url: URL,
  options: { readonly body?: Uint8Array; readonly maxBytes: number },
) => Promise<Uint8Array>;

export interface RevocationClientOptions {
  /** Hosts (`name` or `name:port`) that may be asked: the addresses stand in certificates that strangers send. */
  readonly allowedHosts: readonly string[];
  readonly network: RevocationNetwork;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Longest life in the cache, whatever nextUpdate says; 10 minutes when absent. */
  readonly maxAgeSeconds?: number;
  readonly maxBytes?: number;
  /** Where last answers outlive this process; in memory only when absent. */
  readonly kept?: KeptAnswers;
  /** How long a last answer may still be asked for; a day when absent. */
  readonly keptSeconds?: number;
}

/** A verified answer with the times that it states; `fetchedAt` in milliseconds since the epoch. */
export type KeptAnswer = Pick<RevocationState, "producedAt" | "thisUpdate" | "nextUpdate"> & {
  readonly bytes: Uint8Array;
  readonly fetchedAt: number;
};

/** Last answers that several processes share. */
export interface KeptAnswers {
  find(key: string): Promise<KeptAnswer | undefined>;
  /** Keeps it unless a later one is kept; it may be forgotten at `until`, milliseconds since the epoch. */
  keep(key: string, answer: KeptAnswer, until: number): Promise<void>;
}

const MAX_BYTES = 16 * 1024 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;
const MAX_AGE_SECONDS = 600;
const KEPT_SECONDS = 86_400;

/**
 * Fetches OCSP answers and lists from allowed hosts only, with a size limit and one flight per question, and keeps those
 * that the caller has verified.
 */
export class RevocationClient implements RevocationSources {
  readonly #options: RevocationClientOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #cache = new LRUCache<string, KeptAnswer>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  readonly #flights = new Map<string, Promise<Uint8Array>>();

  constructor(options: RevocationClientOptions) {
    this.#options = options;
    this.#hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  }

  /**
   * Answers from the cache while the answer lives, and asks nobody for the last known one. Throws
   * `revocation-refused` or `revocation-unavailable`.
   */
  readonly fetch = async (
    address: string,
    body?: Uint8Array,
    lastKnown = false,
  ): Promise<RevocationAnswer> => {
    const url = this.#allowed(address);
    const key = keyOf(url, body);
    const known = await this.#known(key);
    if (known && (lastKnown || this.#lives(known))) {
      const ageSeconds = Math.floor((this.#options.now() - known.fetchedAt) / 1000);
      return { bytes: known.bytes, ageSeconds, isKept: true };
    }
    if (lastKnown) throw new CryptoError("revocation-unavailable", "there is no earlier answer");
    const bytes = await (this.#flights.get(key) ?? this.#start(key, url, body));
    return { bytes, ageSeconds: 0, isKept: false };
  };

  /** Keeps what was fetched just now and has been verified. */
  readonly keep = async ({ url, body, bytes, state }: VerifiedAnswer): Promise<void> => {
    const { now, kept, keptSeconds = KEPT_SECONDS } = this.#options;
    const key = keyOf(this.#allowed(url), body);
    const { producedAt, thisUpdate, nextUpdate } = state;
    const known = this.#cache.get(key);
    // a responder that fell behind must not displace what it said later; one that lives was kept by a joined question
    if (known && (thisUpdate < known.thisUpdate || this.#lives(known))) return;
    const fetchedAt = now();
    const answer = { bytes, fetchedAt, producedAt, thisUpdate, ...(nextUpdate && { nextUpdate }) };
    this.#cache.set(key, answer);
    await kept?.keep(key, answer, fetchedAt + keptSeconds * 1000);
  };

  /** What this process was told last, or another one, when that lives longer. */
  async #known(key: string): Promise<KeptAnswer | undefined> {
    const own = this.#cache.get(key);
    if (own && this.#lives(own)) return own;
    const shared = await this.#options.kept?.find(key);
    if (!shared || (own && own.fetchedAt >= shared.fetchedAt)) return own;
    this.#cache.set(key, shared);
    return shared;
  }

  #start(key: string, url: URL, body: Uint8Array | undefined): Promise<Uint8Array> {
    const flight = this.#load(url, body).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #load(url: URL, body: Uint8Array | undefined): Promise<Uint8Array> {
    const { network, maxBytes = MAX_BYTES } = this.#options;
    let bytes: Uint8Array;
    try {
      bytes = await network(url, { maxBytes, ...(body && { body }) });
    } catch (cause) {
      throw new CryptoError("revocation-unavailable", "the revocation source does not answer", { cause });
    }
    if (bytes.length > maxBytes)
      throw new CryptoError("revocation-refused", "the answer is larger than allowed");
    return bytes;
  }

  #allowed(address: string): URL {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    if (
      !url ||
      !isHttp ||
      url.username !== "" ||
      !(this.#hosts.has(url.host) || this.#hosts.has(url.hostname))
    ) {
      throw new CryptoError(
        "revocation-refused",
        "the revocation source is not on the list of allowed hosts",
      );
    }
    return url;
  }

  #lives({ fetchedAt, nextUpdate }: KeptAnswer): boolean {
    const { now, maxAgeSeconds = MAX_AGE_SECONDS } = this.#options;
    return (
      now() < Math.min(fetchedAt + maxAgeSeconds * 1000, nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY)
    );
  }
}

const keyOf = (url: URL, body: Uint8Array | undefined): string =>
  createHash("sha256")
    .update(url.href)
    .update("\n")
    .update(body ?? "")
    .digest("hex");
