import type { Clock } from "../core/clock.ts";
import { AttemptFailure } from "./classify.ts";

const mostAttempts = 3;
const firstBackoffMs = 100;
const longestBackoffMs = 2_000;

/**
 * Bounds the extra load that retries put on a system: each first attempt earns a tenth of a retry, so that in the
 * long run retries stay under 10 % of calls whatever fails; `reserve` lets a quiet system be retried at all.
 */
export class RetryBudget {
  readonly #reserve: number;
  #tokens: number;

  constructor(reserve = 10) {
    this.#reserve = reserve;
    this.#tokens = reserve;
  }

  deposit(): void {
    this.#tokens = Math.min(this.#reserve, this.#tokens + 0.1);
  }

  withdraw(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

interface RetryPlan {
  clock: Clock;
  budget: RetryBudget;
  /** false for a write: whether it was carried out is not known, so only its owner may repeat it */
  repeatable: boolean;
  /** clock milliseconds */
  deadline: number;
  signal: AbortSignal;
  random: () => number;
}

/**
 * Runs an attempt up to three times with full jitter between them, within the deadline and the budget.
 * Throws the last attempt's GatewayError.
 */
export async function retrying<T>(plan: RetryPlan, attempt: (number: number) => Promise<T>): Promise<T> {
  plan.budget.deposit();
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (failure) {
      if (!(failure instanceof AttemptFailure)) throw failure;
      const pauseMs = nextPauseMs(plan, failure, number);
      if (pauseMs === undefined) throw failure.error;
      await plan.clock.sleep(pauseMs, plan.signal);
    }
  }
}

function nextPauseMs(plan: RetryPlan, failure: AttemptFailure, number: number): number | undefined {
  if (!plan.repeatable || !failure.transient || number >= mostAttempts || plan.signal.aborted)
    return undefined;
  const ceiling = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (number - 1));
  const pauseMs = Math.max(plan.random() * ceiling, (failure.error.retryAfter ?? 0) * 1_000);
  if (plan.clock.now() + pauseMs >= plan.deadline) return undefined;
  return plan.budget.withdraw() ? pauseMs : undefined;
}
