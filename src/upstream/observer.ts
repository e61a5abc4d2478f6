import type { ErrorCode } from "../core/error-table.ts";

export type UpstreamOutcome = "ok" | "fault" | "timeout" | "transport" | "refused";
export type BreakerState = "closed" | "half-open" | "open";

/** Port for metrics; `system` and `operation` come from the operation table, so every label is a closed set. */
export interface UpstreamObserver {
  operation(system: string, operation: string, outcome: UpstreamOutcome, seconds: number): void;
  attempt(system: string, kind: "first" | "retry"): void;
  fault(system: string, code: ErrorCode): void;
  breaker(system: string, state: BreakerState): void;
  breakerRefused(system: string): void;
  quota(system: string, remaining: number, limit: number): void;
  inFlight(system: string, change: 1 | -1): void;
  quotaRefused(system: string): void;
}

export const silentUpstreamObserver: UpstreamObserver = {
  operation() {},
  attempt() {},
  fault() {},
  breaker() {},
  breakerRefused() {},
  quota() {},
  inFlight() {},
  quotaRefused() {},
};
