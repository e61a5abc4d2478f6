export type CacheResult = "hit" | "stale" | "miss" | "bypass" | "negative";

/** Port for metrics; `cache` is the spec's name, one of a closed set. */
export interface CacheObserver {
  request(cache: string, result: CacheResult): void;
  invalidated(): void;
}

export const silentCacheObserver: CacheObserver = { request() {}, invalidated() {} };
