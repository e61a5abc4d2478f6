import type { Clock } from "../core/clock.ts";
import type { ClaimedRequest, DeferredAnswer, DeferredRequests } from "../store/deferred-requests.ts";
import type { Job } from "./job-runner.ts";

/**
 * Carries a request out; undefined: this replica could not begin it now. A request that was interrupted and may not be
 * begun anew is answered so.
 */
export type CarryOut = (claimed: ClaimedRequest) => Promise<DeferredAnswer | undefined>;

interface DeferredWorkerParts {
  requests: DeferredRequests;
  carryOut: CarryOut;
  clock: Clock;
}

const workers = 2;
const busyMs = 2_000;

/** Several on each replica, so that one long request holds up no other client's. */
export function deferredRequestWorkers(parts: DeferredWorkerParts): Job[] {
  return Array.from({ length: workers }, (_, index) => ({
    name: `deferred-requests ${index + 1}`,
    everyMs: 500,
    run: (signal) => drain(parts, signal),
  }));
}

async function drain({ requests, carryOut, clock }: DeferredWorkerParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const claimed = await requests.claim();
    if (!claimed) return;
    const answer = await underLease({ requests, clock }, claimed, () => carryOut(claimed));
    if (answer) await requests.settle(claimed, answer);
    else await requests.postpone(claimed, busyMs);
  }
}

/** Renews the lease for as long as the work lasts. */
async function underLease<T>(
  { requests, clock }: Pick<DeferredWorkerParts, "requests" | "clock">,
  claimed: ClaimedRequest,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const renewing = renewed({ requests, clock }, claimed, over.signal);
  try {
    return await work();
  } finally {
    over.abort();
    await renewing;
  }
}

async function renewed(
  { requests, clock }: Pick<DeferredWorkerParts, "requests" | "clock">,
  claimed: ClaimedRequest,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await clock.sleep(requests.leaseMs / 3, over).catch(() => {});
    // a renewal that fails is tried again; once the lease is lost, settling does nothing
    if (!over.aborted) await requests.renew(claimed).catch(() => false);
  }
}
