import { withdrawEverywhere } from "./cache/withdrawal.ts";
import type { Parts } from "./parts.ts";
import type { IdempotencySettings } from "./plugins/idempotency.ts";
import type { Surroundings } from "./surroundings.ts";

/** What a door needs to give the first answer to a repeated change; `keyOf` is its own, as is the way of judging anew. */
export function openRepeats(
  { idempotency, cache }: Parts,
  { clock }: Surroundings,
  keyOf: IdempotencySettings["keyOf"],
): Omit<IdempotencySettings, "renewed"> {
  return {
    keys: idempotency,
    clock,
    keyOf,
    forget: (subjects) => withdrawEverywhere({ cache, clock }, subjects),
  };
}
