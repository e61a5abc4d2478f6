/** bypass: nobody could say which generation is current, so nothing was read or kept */
type CacheResult = "hit" | "miss" | "bypass";

/** Port for metrics; `cache` is the spec's name, one of a closed set. */
export interface CacheObserver {
  /** the age is that of an answer which was found in this process */
  request(cache: string, result: CacheResult, ageSeconds?: number): void;
  invalidated(): void;
}

export const silentCacheObserver: CacheObserver = { request() {}, invalidated() {} };
