import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { childrenOf, type DerElement, readDer, readTime } from "./der-read.ts";
import { TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import type { RevocationAnswer } from "./revocation.ts";

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

/** An answer as it was fetched; `fetchedAt` in milliseconds since the epoch. */
export type FetchedAnswer = Omit<DatedRevocationAnswer, "ageSeconds"> & { readonly fetchedAt: number };

/** Last answers that several processes share. */
export interface KeptAnswers {
  find(key: string): Promise<FetchedAnswer | undefined>;
  /** Keeps it unless a later one is kept; it may be forgotten at `until`, milliseconds since the epoch. */
  keep(key: string, answer: FetchedAnswer, until: number): Promise<void>;
}

/** An answer with its own times as it states them; nothing is verified here. */
export interface DatedRevocationAnswer extends RevocationAnswer {
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
}

const MAX_BYTES = 16 * 1024 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;
const MAX_AGE_SECONDS = 600;
const KEPT_SECONDS = 86_400;

/** Fetches OCSP answers and lists from allowed hosts only, with a size limit, one flight per question and a cache. */
export class RevocationClient {
  readonly #options: RevocationClientOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #cache = new LRUCache<string, FetchedAnswer>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  readonly #flights = new Map<string, Promise<FetchedAnswer>>();

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
  ): Promise<DatedRevocationAnswer> => {
    const url = this.#allowed(address);
    const key = createHash("sha256")
      .update(url.href)
      .update("\n")
      .update(body ?? "")
      .digest("hex");
    const cached = await this.#known(key);
    if (cached && (lastKnown || this.#lives(cached))) return this.#dated(cached);
    if (lastKnown) throw new CryptoError("revocation-unavailable", "there is no earlier answer");
    const flight = this.#flights.get(key) ?? this.#start(key, url, body);
    return this.#dated(await flight);
  };

  /** What this process was told last, or another one, when that lives longer. */
  async #known(key: string): Promise<FetchedAnswer | undefined> {
    const own = this.#cache.get(key);
    if (own && this.#lives(own)) return own;
    const shared = await this.#options.kept?.find(key);
    if (!shared || (own && own.fetchedAt >= shared.fetchedAt)) return own;
    this.#cache.set(key, shared);
    return shared;
  }

  #start(key: string, url: URL, body: Uint8Array | undefined): Promise<FetchedAnswer> {
    const { kept, keptSeconds = KEPT_SECONDS } = this.#options;
    const flight = this.#load(url, body)
      .then(async (fetched) => {
        const known = this.#cache.get(key);
        // a responder that fell behind must not displace what it said later
        if (!known || fetched.thisUpdate >= known.thisUpdate) {
          this.#cache.set(key, fetched);
          await kept?.keep(key, fetched, fetched.fetchedAt + keptSeconds * 1000);
        }
        return fetched;
      })
      .finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #load(url: URL, body: Uint8Array | undefined): Promise<FetchedAnswer> {
    const { network, now, maxBytes = MAX_BYTES } = this.#options;
    const fetchedAt = now();
    let bytes: Uint8Array;
    try {
      bytes = await network(url, { maxBytes, ...(body && { body }) });
    } catch (cause) {
      throw new CryptoError("revocation-unavailable", "the revocation source does not answer", { cause });
    }
    if (bytes.length > maxBytes)
      throw new CryptoError("revocation-refused", "the answer is larger than allowed");
    try {
      return { bytes, fetchedAt, ...(body ? ocspTimes(bytes) : crlTimes(bytes)) };
    } catch (cause) {
      throw new CryptoError("revocation-unavailable", "the answer of the revocation source is not readable", {
        cause,
      });
    }
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

  #lives({ fetchedAt, nextUpdate }: FetchedAnswer): boolean {
    const { now, maxAgeSeconds = MAX_AGE_SECONDS } = this.#options;
    return (
      now() < Math.min(fetchedAt + maxAgeSeconds * 1000, nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY)
    );
  }

  #dated({ fetchedAt, ...answer }: FetchedAnswer): DatedRevocationAnswer {
    return { ...answer, ageSeconds: Math.floor((this.#options.now() - fetchedAt) / 1000) };
  }
}

// TBSCertList: version?, algorithm, issuer, thisUpdate, nextUpdate?, …
function crlTimes(
  bytes: Uint8Array,
): Pick<DatedRevocationAnswer, "producedAt" | "thisUpdate" | "nextUpdate"> {
  const [tbs] = childrenOf(readDer(bytes, TAG.sequence));
  const times = (tbs ? childrenOf(tbs) : []).filter(isTime).map(readTime);
  return stated(times[0], times[0], times[1]);
}

// OCSPResponse → BasicOCSPResponse → ResponseData: version?, responder, producedAt, responses, …
function ocspTimes(
  bytes: Uint8Array,
): Pick<DatedRevocationAnswer, "producedAt" | "thisUpdate" | "nextUpdate"> {
  const [, wrapped] = childrenOf(readDer(bytes, TAG.sequence));
  const [, basic] = childrenOf(readDer(wrapped?.content ?? new Uint8Array()));
  const [tbs] = childrenOf(readDer(basic?.content ?? new Uint8Array()));
  const fields = tbs ? childrenOf(tbs) : [];
  const produced = fields.find(isTime);
  const list = fields.find(({ tag }) => tag === TAG.sequence);
  const [single] = list ? childrenOf(list) : [];
  const times = single ? childrenOf(single).slice(2) : [];
  const next = times.find(({ tag }) => tag === 0xa0);
  return stated(
    produced && readTime(produced),
    times[0] && readTime(times[0]),
    next && readTime(readDer(next.content)),
  );
}

function isTime({ tag }: DerElement): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

function stated(producedAt: Date | undefined, thisUpdate: Date | undefined, nextUpdate: Date | undefined) {
  if (!producedAt || !thisUpdate) throw new CryptoError("bad-encoding", "the answer states no time");
  return { producedAt, thisUpdate, ...(nextUpdate && { nextUpdate }) };
}
