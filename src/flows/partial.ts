import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import type { Answered } from "./identities.ts";

const defaultRetrySeconds = 5;

/**
 * One block of an answer that is built from several systems: a system that fails leaves its block empty and says so
 * in `sources`; a system that refuses (knows no such record) has answered. Only errors of ours are thrown.
 */
export async function orUnavailable<T>(
  system: string,
  asked: Promise<Answered<T>>,
): Promise<Answered<T | undefined>> {
  try {
    return await asked;
  } catch (error) {
    if (!isGatewayError(error) || error.system !== system) throw error;
    if (error.row.status < 500) return { value: undefined, sources: [{ system, status: "fresh" }] };
    const retryAfter = error.retryAfter ?? defaultRetrySeconds;
    return { value: undefined, sources: [{ system, status: "unavailable", retryAfter }] };
  }
}

const worstFirst: readonly SourceStatus["status"][] = ["unavailable", "stale", "cached", "fresh"];

/** One row per system: the worst status, the oldest answer, the longest wait. */
export function mergedSources(sources: readonly SourceStatus[]): SourceStatus[] {
  const bySystem = new Map<string, SourceStatus>();
  for (const source of sources) {
    const known = bySystem.get(source.system);
    bySystem.set(source.system, known ? worse(known, source) : source);
  }
  return [...bySystem.values()];
}

function worse(one: SourceStatus, other: SourceStatus): SourceStatus {
  const rank = ({ status }: SourceStatus) => worstFirst.indexOf(status);
  return {
    system: one.system,
    status: rank(one) <= rank(other) ? one.status : other.status,
    asOf: extreme(Math.min, one.asOf, other.asOf),
    retryAfter: extreme(Math.max, one.retryAfter, other.retryAfter),
  };
}

function extreme(
  pick: (...values: number[]) => number,
  ...values: (number | undefined)[]
): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length ? pick(...known) : undefined;
}

/** The same request with at most `ms` to go, so that a silent system can't hold a whole page. */
export function withBudget(ctx: RequestContext, clock: Clock, ms: number): RequestContext {
  return { ...ctx, deadline: Math.min(ctx.deadline, clock.now() + ms) };
}
