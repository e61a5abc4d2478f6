import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from "@fastify/rate-limit";
import { LRUCache } from "lru-cache";
import type { RedisLink } from "../cache/redis.ts";
import type { Clock } from "../core/clock.ts";

interface SharedRatesOptions {
  link: Pick<RedisLink, "attempt">;
  clock: Clock;
  /** keyed hash of a client's name: keys in Redis tell nobody who it is */
  hash: (key: string) => string;
  /** each time Redis did not take what was counted: every replica then counts alone */
  alone: () => void;
  namespace?: string;
}

interface Count {
  /** of all replicas, as Redis last said */
  shared: number;
  /** counted here and not told yet */
  untold: number;
  readonly window: number;
}

const tellEveryMs = 200;
const mostClients = 20_000;
const mostAtOnce = 1_000;

/** KEYS: counts. ARGV: life in ms, then what to add to each. Reply: the sums. */
const addScript = `
local sums = {}
for i, key in ipairs(KEYS) do
  sums[i] = redis.call('INCRBY', key, ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
return sums
`;

/**
 * Requests of each client in the current window, added up between replicas. A request is counted here at once and told
 * to Redis within 200 ms, so that it costs no round trip; a client may exceed its rate by what it sends in that time.
 */
export class SharedRates {
  readonly #options: SharedRatesOptions;
  readonly #counts = new LRUCache<string, Count>({ max: mostClients });
  readonly #untold = new Set<string>();
  #telling = false;

  constructor(options: SharedRatesOptions) {
    this.#options = options;
  }

  /** The store of @fastify/rate-limit over these counts. */
  get store(): FastifyRateLimitStoreCtor {
    const count = (key: string, windowMs: number) => this.#count(key, windowMs);
    return class implements FastifyRateLimitStore {
      incr: FastifyRateLimitStore["incr"] = (key, answer, windowMs) => answer(null, count(key, windowMs));
      child = () => this;
    };
  }

  #count(key: string, windowMs: number): { current: number; ttl: number } {
    const now = this.#options.clock.now();
    // windows begin at the same moment on every replica
    const window = Math.floor(now / windowMs);
    const known = this.#counts.get(key);
    const count = known?.window === window ? known : { shared: 0, untold: 0, window };
    if (count !== known) this.#counts.set(key, count);
    count.untold += 1;
    this.#untold.add(key);
    void this.#tell(windowMs);
    return { current: count.shared + count.untold, ttl: (window + 1) * windowMs - now };
  }

  async #tell(windowMs: number): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    await this.#options.clock.sleep(tellEveryMs);
    this.#telling = false;
    const told = [...this.#untold].flatMap((key) => {
      const count = this.#counts.peek(key);
      return count === undefined ? [] : [{ key, count, sent: count.untold }];
    });
    this.#untold.clear();
    for (let from = 0; from < told.length; from += mostAtOnce)
      await this.#add(told.slice(from, from + mostAtOnce), windowMs);
  }

  async #add(told: readonly { key: string; count: Count; sent: number }[], windowMs: number) {
    const { link, hash, alone, namespace = "gateway" } = this.#options;
    const keys = told.map(({ key, count }) => `${namespace}:rate:${hash(key)}:${count.window}`);
    const sums = await link.attempt((redis) =>
      redis.eval(addScript, keys.length, ...keys, windowMs, ...told.map(({ sent }) => sent)),
    );
    if (!Array.isArray(sums)) {
      alone();
      return;
    }
    for (const [index, { count, sent }] of told.entries()) {
      count.shared = Number(sums[index]);
      count.untold -= sent;
    }
  }
}
