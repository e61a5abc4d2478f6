import type { ErrorCode } from "../core/error-table.ts";
import type { Timing } from "../core/timings.ts";
import type { DeclaredLabel, HttpMethod } from "./labels.ts";

/** One answered request, as telemetry sees it. Times are `performance.now()` milliseconds. */
export interface FinishedRequest {
  /** 32 hex digits, ours: a caller's trace is only linked */
  traceId: string;
  requestId: string;
  route: DeclaredLabel;
  method: HttpMethod;
  status: number;
  startMs: number;
  endMs: number;
  timings: readonly Timing[];
  code?: ErrorCode;
  tenant?: string;
  role?: string;
  /** value of a caller's `traceparent` header */
  linked?: string;
  /** an operator asked to keep this trace */
  asked?: boolean;
}

export interface KeepPolicy {
  /** share of ordinary requests that are kept, 0..1 */
  ratio: number;
  slowMs: number;
}

export type KeepReason = "error" | "fault" | "slow" | "asked" | "sample";

/** Why a finished request's trace is worth keeping; undefined for most. */
export function keepReason(request: FinishedRequest, policy: KeepPolicy): KeepReason | undefined {
  if (request.status >= 500) return "error";
  if (request.timings.some(isFault)) return "fault";
  if (request.endMs - request.startMs > policy.slowMs) return "slow";
  if (request.asked) return "asked";
  return isSampled(request.traceId, policy.ratio) ? "sample" : undefined;
}

const isFault = ({ attributes }: Timing): boolean =>
  attributes !== undefined &&
  (attributes["error.type"] !== undefined || Number(attributes["attempt"] ?? 1) > 1);

/** True for this share of trace ids: the same answer on every replica and after a restart. */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < ratio * 0x1_0000_0000;
}
