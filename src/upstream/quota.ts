import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";
import { type QuotaSettings, TokenBucket } from "../core/token-bucket.ts";
import { FairQueue, type Waiter } from "./fair-queue.ts";

export type Priority = "interactive" | "background";

interface QuotaAsk {
  priority: Priority;
  tenant: string;
  /** clock milliseconds */
  deadline: number;
  signal: AbortSignal;
}

// one of five grants goes to waiting background work, so that it is slow but never starved
const interactiveRun = 4;

/** The right to send to one system: a token bucket, a pause that the system asked for, and a fair queue before both. */
export class Quota {
  readonly #system: string;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  readonly #queues = { interactive: new FairQueue(), background: new FairQueue() };
  #pause: { until: number; code: ErrorCode } = { until: 0, code: "upstream-rate-limited" };
  #run = 0;
  #pumping = false;

  constructor(system: string, clock: Clock, settings?: QuotaSettings) {
    this.#system = system;
    this.#clock = clock;
    this.#bucket = settings && new TokenBucket(settings, clock);
  }

  /** Requests that may go at once, now and after a rest; undefined without a configured limit. */
  get room(): { remaining: number; limit: number } | undefined {
    return this.#bucket && { remaining: this.#bucket.remaining, limit: this.#bucket.burst };
  }

  /** Holds every request back: the system said Retry-After; `code` is what a caller who can't wait is told. */
  pause(seconds: number, code: ErrorCode): void {
    const until = this.#clock.now() + seconds * 1_000;
    if (until > this.#pause.until) this.#pause = { until, code };
  }

  /** Resolves when the request may go; throws at once, with retryAfter, when that would be past its deadline. */
  async take(ask: QuotaAsk): Promise<void> {
    const waitMs = this.#expectedWaitMs(ask.priority);
    if (waitMs === 0) {
      this.#bucket?.take();
      return;
    }
    if (this.#clock.now() + waitMs >= ask.deadline) throw this.#refusal(waitMs);
    await this.#stand(ask);
  }

  #expectedWaitMs(priority: Priority): number {
    const { interactive, background } = this.#queues;
    const ahead = interactive.size + (priority === "background" ? background.size : 0);
    return this.#waitMs(ahead + 1);
  }

  #waitMs(nth: number): number {
    return Math.max(0, this.#pause.until - this.#clock.now(), this.#bucket?.waitMs(nth) ?? 0);
  }

  #refusal(waitMs: number): GatewayError {
    const paused = this.#pause.until > this.#clock.now();
    return new GatewayError(paused ? this.#pause.code : "upstream-rate-limited", {
      system: this.#system,
      retryAfter: Math.max(1, Math.ceil(waitMs / 1_000)),
      detail: paused ? "paused by the system's Retry-After" : "over our quota for the system",
    });
  }

  #stand(ask: QuotaAsk): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#queues[ask.priority];
      const leave = () => {
        queue.remove(waiter);
        reject(this.#refusal(this.#waitMs(1)));
      };
      const waiter: Waiter = {
        tenant: ask.tenant,
        grant: () => {
          ask.signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      queue.add(waiter);
      ask.signal.addEventListener("abort", leave, { once: true });
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#queues.interactive.size + this.#queues.background.size > 0) {
      const waitMs = this.#waitMs(1);
      if (waitMs > 0) await this.#clock.sleep(waitMs);
      else this.#grantNext();
    }
    this.#pumping = false;
  }

  #grantNext(): void {
    const { interactive, background } = this.#queues;
    const yields = this.#run >= interactiveRun && background.size > 0;
    const queue = interactive.size > 0 && !yields ? interactive : background;
    this.#run = queue === interactive ? this.#run + 1 : 0;
    this.#bucket?.take();
    queue.next()?.grant();
  }
}
