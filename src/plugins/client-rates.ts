import { LRUCache } from "lru-cache";
import type { RedisLink } from "../cache/redis.ts";
import type { Clock } from "../core/clock.ts";

interface ClientRatesOptions {
  clock: Clock;
  /** absent: there is one replica, which counts for itself */
  shared?: SharedCounts;
}

export interface SharedCounts {
  link: Pick<RedisLink, "attempt">;
  /** keyed hash of a client's name: keys in Redis tell nobody who it is */
  hash: (key: string) => string;
  /** each time Redis did not take what was counted: every replica then counts alone */
  alone: () => void;
  namespace?: string;
}

/** What a client has asked in the current minute, and when that ends. */
export interface Rate {
  requests: number;
  endsInMs: number;
}

interface Count {
  /** of all replicas, as Redis last said */
  shared: number;
  /** counted here and not told yet */
  untold: number;
  readonly window: number;
}

const windowMs = 60_000;
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
 * Requests of each client in the current minute, added up between replicas. A request is counted here at once and told
 * to Redis within 200 ms, so that it costs no round trip; a client may exceed its rate by what it sends in that time.
 */
export class ClientRates {
  readonly #clock: Clock;
  readonly #shared: SharedCounts | undefined;
  readonly #origin: number;
  readonly #counts = new LRUCache<string, Count>({ max: mostClients });
  readonly #untold = new Set<string>();
  #telling = false;

  constructor({ clock, shared }: ClientRatesOptions) {
    this.#clock = clock;
    this.#shared = shared;
    // minutes begin at the same moment on every replica
    this.#origin = shared ? 0 : clock.now();
  }

  /** Counts one request of the client. */
  count(client: string): Rate {
    const sinceOrigin = this.#clock.now() - this.#origin;
    const window = Math.floor(sinceOrigin / windowMs);
    let count = this.#counts.get(client);
    if (count?.window !== window) {
      count = { shared: 0, untold: 0, window };
      this.#counts.set(client, count);
    }
    count.untold += 1;
    if (this.#shared) {
      this.#untold.add(client);
      void this.#tell(this.#shared);
    }
    return { requests: count.shared + count.untold, endsInMs: (window + 1) * windowMs - sinceOrigin };
  }

  async #tell(shared: SharedCounts): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    await this.#clock.sleep(tellEveryMs);
    this.#telling = false;
    const told = [...this.#untold].flatMap((client) => {
      const count = this.#counts.peek(client);
      return count === undefined ? [] : [{ client, count, sent: count.untold }];
    });
    this.#untold.clear();
    for (let from = 0; from < told.length; from += mostAtOnce)
      await addTo(shared, told.slice(from, from + mostAtOnce));
  }
}

async function addTo(
  { link, hash, alone, namespace = "gateway" }: SharedCounts,
  told: readonly { client: string; count: Count; sent: number }[],
): Promise<void> {
  const keys = told.map(({ client, count }) => `${namespace}:rate:${hash(client)}:${count.window}`);
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
