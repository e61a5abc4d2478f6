/** bypass: nobody could say which generation is current, so nothing was read or kept */
type CacheResult = "hit" | "miss" | "bypass";

/** Port for metrics; `cache` is the spec's name, one of a closed set. */
export interface CacheObserver {
  request(cache: string, result: CacheResult): void;
  /** of an answer from L1, which the caller sees */
  ageServed(cache: string, seconds: number): void;
  invalidated(): void;
}

export const silentCacheObserver: CacheObserver = { request() {}, ageServed() {}, invalidated() {} };
