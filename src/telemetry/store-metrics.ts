import type { Instruments } from "./instruments.ts";

interface Stores {
  redis?: { readonly up: boolean };
}

/** Has the state of the stores asked for at each scrape. */
export function observeStores({ redisUp }: Instruments, { redis }: Stores): void {
  if (redis) redisUp.values = () => [[{}, redis.up ? 1 : 0]];
}
