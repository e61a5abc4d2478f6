import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { Cache } from "./cache.ts";
import { LeasedGenerations } from "./leased-generations.ts";
import type { CacheObserver } from "./observer.ts";
import { RedisLink } from "./redis.ts";
import { SharedLayer } from "./shared-layer.ts";

interface OpenCacheOptions {
  /** absent: in process only, which is right for one replica only */
  redisUrl?: string;
  keyring: Keyring;
  clock: Clock;
  log: Logger;
  /** of answers kept in process, as JSON text */
  maxBytes?: number;
  observer?: CacheObserver;
  /** prefix of Redis keys; replicas that share it share answers */
  namespace?: string;
}

export interface OpenCache {
  cache: Cache;
  /** for health; undefined without Redis */
  redisUp(): boolean | undefined;
  close(): Promise<void>;
}

/** Opens the cache, with Redis if an address is given; a Redis that does not answer is waited for in the background. */
export async function openCache(options: OpenCacheOptions): Promise<OpenCache> {
  const { redisUrl, keyring, clock, log, observer, namespace, maxBytes = 64 * 1_048_576 } = options;
  if (!redisUrl) {
    const cache = new Cache({ clock, maxBytes, observer });
    return { cache, redisUp: () => undefined, close: () => cache.close() };
  }
  const link = new RedisLink({ url: redisUrl, log });
  const generations = new LeasedGenerations({ link, keyring, clock, namespace });
  const shared = new SharedLayer({ link, keyring, clock, namespace });
  const cache = new Cache({ clock, maxBytes, observer, generations, shared });
  await link.open();
  await generations.start();
  const close = async () => {
    await cache.close();
    link.close();
  };
  return { cache, redisUp: () => link.up, close };
}
