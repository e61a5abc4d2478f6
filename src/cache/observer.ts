/** bypass: nobody could say which generation is current, so nothing was read or kept */
type CacheResult = "hit" | "miss" | "bypass";

/** Port for metrics; `cache` is the spec's name, one of a closed set. */
export interface CacheObserver {
  request(cache: string, result: CacheResult): void;
  invalidated(): void;
}

export const silentCacheObserver: CacheObserver = { request() {}, invalidated() {} };
