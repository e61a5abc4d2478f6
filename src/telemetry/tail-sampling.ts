import { type ErrorCode, errorTable } from "../core/error-table.ts";
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
  const hasFault = request.timings.some(isFault);
  // a refusal before any work, of which an outage makes thousands alike
  const isRefusal = request.status === 503 && !hasFault;
  if (request.status >= 500 && !isRefusal) return "error";
  if (hasFault) return "fault";
  if (request.endMs - request.startMs > policy.slowMs) return "slow";
  if (request.asked) return "asked";
  return isSampled(request.traceId, policy.ratio) ? "sample" : undefined;
}

// a call as a whole fails by its attempts, or was refused without one
const isFault = ({ name, attributes }: Timing): boolean =>
  attributes !== undefined &&
  !name.startsWith("upstream ") &&
  (isFailure(attributes["error.type"]) || Number(attributes["attempt"] ?? 1) > 1);

/** Not what a system that works may answer, such as that there is no such person. */
const isFailure = (code: unknown): boolean =>
  code !== undefined && (errorTable[code as ErrorCode]?.status ?? 500) >= 500;

/** True for this share of trace ids: the same answer on every replica and after a restart. */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < ratio * 0x1_0000_0000;
}
