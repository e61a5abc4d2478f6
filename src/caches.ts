import { Cache } from "./cache/cache.ts";
import { LeasedGenerations } from "./cache/leased-generations.ts";
import { RedisLink } from "./cache/redis.ts";
import { SharedLayer } from "./cache/shared-layer.ts";
import type { Config } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { Keyring } from "./crypto/keyring.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { cacheMetrics } from "./telemetry/upstream-metrics.ts";

interface CacheGround {
  keyring: Keyring;
  clock: Clock;
  log: Logger;
  telemetry?: Telemetry;
}

/** The cache that all replicas share, or one of this process when the settings name no Redis. */
export async function openCache(config: Config, ground: CacheGround) {
  const { keyring, clock, log, telemetry } = ground;
  const observer = telemetry && cacheMetrics(telemetry.instruments);
  const base = { clock, maxBytes: 64 * 1024 * 1024, observer };
  if (!config.REDIS_URL) return { cache: new Cache(base), redis: undefined };
  const link = new RedisLink({ url: config.REDIS_URL, log });
  await link.open();
  const generations = new LeasedGenerations({ link, keyring, clock });
  await generations.start();
  const shared = new SharedLayer({ link, keyring, clock });
  return { cache: new Cache({ ...base, generations, shared }), redis: link };
}
