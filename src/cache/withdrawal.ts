import type { Clock } from "../core/clock.ts";
import { isGatewayError } from "../core/errors.ts";
import type { Cache } from "./cache.ts";
import { leaseMs } from "./leased-generations.ts";

/**
 * Resolves when no replica gives a kept answer about the subjects any more, also while Redis is dead. To be called
 * after the database has the change: an entry loaded meanwhile is of the generation before.
 */
export async function withdrawEverywhere(
  { cache, clock }: { cache: Cache; clock: Clock },
  subjects: readonly string[],
): Promise<void> {
  if (await isBumped(cache, subjects)) return;
  // the database is the record: without Redis no replica gives a kept answer after its lease
  await clock.sleep(leaseMs);
  // a Redis that came back with all it held would have them trusted again
  await isBumped(cache, subjects);
}

async function isBumped(cache: Cache, subjects: readonly string[]): Promise<boolean> {
  try {
    await Promise.all(subjects.map((subject) => cache.bump(subject)));
    return true;
  } catch (error) {
    if (isGatewayError(error) && error.code === "store-unavailable") return false;
    throw error;
  }
}
