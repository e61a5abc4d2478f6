import type { ErrorCode } from "../core/error-table.ts";
import type { Instruments } from "./instruments.ts";
import { declareLabel } from "./labels.ts";

const breakerValue = { closed: 0, "half-open": 1, open: 2 } as const;
type BreakerState = keyof typeof breakerValue;

/** Counts calls to external systems; fits the observer port of `src/upstream`. */
export function upstreamMetrics(instruments: Instruments) {
  const declare = declareLabel;
  return {
    operation(
      system: string,
      operation: string,
      outcome: "ok" | "fault" | "timeout" | "transport" | "refused",
      seconds: number,
    ) {
      const labels = { system: declare(system), operation: declare(operation), outcome };
      instruments.operationSeconds.of(labels).observe(seconds);
    },
    attempt(system: string, kind: "first" | "retry") {
      instruments.attempts.of({ system: declare(system), kind }).value++;
    },
    fault(system: string, code: ErrorCode) {
      instruments.faults.of({ system: declare(system), code }).value++;
    },
    breaker(system: string, state: BreakerState) {
      instruments.breakerState.of({ system: declare(system) }).value = breakerValue[state];
      instruments.breakerTransitions.of({ system: declare(system), to: state }).value++;
    },
    breakerRefused(system: string) {
      instruments.breakerRefused.of({ system: declare(system) }).value++;
    },
    quota(system: string, remaining: number, limit: number) {
      instruments.quotaRemaining.of({ system: declare(system) }).value = remaining;
      instruments.quotaLimit.of({ system: declare(system) }).value = limit;
    },
    inFlight(system: string, change: 1 | -1) {
      instruments.inFlight.of({ system: declare(system) }).value += change;
    },
    quotaRefused(system: string) {
      instruments.quotaRefused.of({ system: declare(system) }).value++;
    },
  };
}

/** Counts questions to the cache; fits the observer port of `src/cache`. */
export function cacheMetrics(instruments: Instruments) {
  return {
    request(cache: string, result: "hit" | "miss" | "bypass") {
      instruments.cacheRequests.of({ cache: declareLabel(cache), result }).value++;
    },
    invalidated() {
      instruments.cacheInvalidations.of({}).value++;
    },
  };
}
