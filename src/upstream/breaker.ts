import { CircuitState, CountBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from "cockatiel";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { AttemptFailure } from "./classify.ts";
import type { BreakerState } from "./observer.ts";

export interface BreakerSettings {
  /** share of failed calls among the last `size` that opens it */
  threshold: number;
  size: number;
  /** calls seen before it may open */
  minimumCalls: number;
  firstBreakMs: number;
  longestBreakMs: number;
}

const defaultBreaker: BreakerSettings = {
  threshold: 0.5,
  size: 20,
  minimumCalls: 5,
  firstBreakMs: 5_000,
  longestBreakMs: 60_000,
};

const names: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.HalfOpen]: "half-open",
  [CircuitState.Open]: "open",
  [CircuitState.Isolated]: "open",
};

interface BreakerOptions {
  system: string;
  clock: Clock;
  settings?: Partial<BreakerSettings>;
  onState: (state: BreakerState) => void;
}

/** Stops calling a system that keeps failing; after a break one probe decides, meanwhile the rest are refused. */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #policy: ReturnType<typeof circuitBreaker>;
  #probeAt = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
    const settings = { ...defaultBreaker, ...options.settings };
    const { threshold, size, minimumCalls } = settings;
    this.#policy = circuitBreaker(
      handleWhen((error) => this.#isFailure(error)),
      {
        breaker: new CountBreaker({ threshold, size, minimumNumberOfCalls: minimumCalls }),
        halfOpenAfter: { next: (context) => this.#break(settings, context.attempt) },
      },
    );
    this.#policy.onStateChange((state) => options.onState(names[state]));
  }

  get state(): BreakerState {
    return names[this.#policy.state];
  }

  /** Runs the work, or throws `upstream-unavailable` with retryAfter without running it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    // cockatiel would queue callers behind the probe, past their deadlines
    if (this.#policy.state === CircuitState.HalfOpen) throw this.#refusal();
    try {
      return await this.#policy.execute(work);
    } catch (error) {
      if (isBrokenCircuitError(error)) throw this.#refusal();
      throw error;
    }
  }

  #isFailure(error: Error): boolean {
    if (error instanceof AttemptFailure) return error.fault;
    // a probe that never reached the system proves nothing in its favour
    return this.#policy.state === CircuitState.HalfOpen;
  }

  #break(settings: BreakerSettings, attempt: number) {
    const duration = Math.min(settings.longestBreakMs, settings.firstBreakMs * 2 ** (attempt - 1));
    this.#probeAt = this.#options.clock.now() + duration;
    return { duration, next: (context: { attempt: number }) => this.#break(settings, context.attempt) };
  }

  #refusal(): GatewayError {
    const waitMs = this.#probeAt - this.#options.clock.now();
    return new GatewayError("upstream-unavailable", {
      system: this.#options.system,
      retryAfter: Math.max(1, Math.ceil(waitMs / 1_000)),
      detail: "the breaker is open",
    });
  }
}
