import type { Agent } from "undici";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { type GatewayError, isGatewayError } from "../core/errors.ts";
import type { QuotaSettings } from "../core/token-bucket.ts";
import { Breaker, type BreakerSettings } from "./breaker.ts";
import type { Channel } from "./channel.ts";
import { classify, outcomeOf } from "./classify.ts";
import { abortable, type Deadline, withDeadline } from "./deadline.ts";
import { type FailureSink, failedMessageOf } from "./failed-answer.ts";
import { createWireFetch } from "./http.ts";
import type { BreakerState, UpstreamObserver } from "./observer.ts";
import type { Attempt, Operation } from "./operation.ts";
import { Quota } from "./quota.ts";
import { RetryBudget, retrying } from "./retry.ts";

export interface SystemSettings {
  /** only a sandbox is sent X-Scenario */
  sandbox: boolean;
  /** of this replica; absent: no limit of ours */
  quota?: QuotaSettings;
  /** absent: the connections that all systems share, without a client certificate */
  channel?: Channel;
  breaker?: Partial<BreakerSettings>;
  /** keeps answers that could not be mapped; absent where answers hold secrets, such as tokens */
  failures?: FailureSink;
}

interface LaneOptions {
  system: string;
  settings: SystemSettings;
  clock: Clock;
  agent: Agent;
  observer: UpstreamObserver;
  random: () => number;
}

/** One call that the cache could not answer. */
export interface LiveCall<O> {
  operation: Operation;
  ctx: RequestContext;
  deadline: Deadline;
  send: (attempt: Attempt) => Promise<O>;
}

interface Turn {
  signal: AbortSignal;
  number: number;
}

const defaultMaxBytes = 1_048_576;

/** The way to one system, shared by all calls to it: deadline -> retry( breaker -> quota -> send ). */
export class Lane {
  readonly #options: LaneOptions;
  readonly #breaker: Breaker;
  readonly #quota: Quota;
  readonly #budget = new RetryBudget();

  constructor(options: LaneOptions) {
    const { system, settings, clock, observer } = options;
    const onState = (state: BreakerState) => observer.breaker(system, state);
    this.#options = options;
    this.#breaker = new Breaker({ system, clock, settings: settings.breaker, onState });
    this.#quota = new Quota(system, clock, settings.quota);
  }

  get state(): BreakerState {
    return this.#breaker.state;
  }

  get isSandbox(): boolean {
    return this.#options.settings.sandbox;
  }

  /** Throws GatewayError only. */
  async run<O>(call: LiveCall<O>): Promise<O> {
    const { clock, observer, system } = this.#options;
    const startedAt = clock.now();
    const sends = { count: 0 };
    observer.inFlight(system, 1);
    try {
      const value = await withDeadline(clock, call.deadline, (signal) => this.#tries(call, signal, sends));
      observer.operation(system, call.operation.name, "ok", (clock.now() - startedAt) / 1_000);
      return value;
    } catch (thrown) {
      const error = isGatewayError(thrown) ? thrown : classify(thrown, system).error;
      this.#report(call, error, { sent: sends.count > 0, ms: clock.now() - startedAt });
      throw error;
    } finally {
      observer.inFlight(system, -1);
    }
  }

  #tries<O>(call: LiveCall<O>, signal: AbortSignal, sends: { count: number }): Promise<O> {
    const { clock, random } = this.#options;
    const { effect, repeatable = effect === "read" } = call.operation;
    const plan = { clock, random, signal, repeatable, budget: this.#budget, deadline: call.deadline.at };
    return retrying(plan, (number) =>
      this.#breaker.run(async () => {
        await this.#awaitQuota(call, signal);
        sends.count += 1;
        return this.#attempt(call, { signal, number });
      }),
    );
  }

  async #awaitQuota<O>({ operation, ctx, deadline }: LiveCall<O>, signal: AbortSignal): Promise<void> {
    const { priority, system } = operation;
    await this.#quota.take({ priority, tenant: ctx.actor.tenant, deadline: deadline.at, signal });
    const { room } = this.#quota;
    if (room) this.#options.observer.quota(system, room.remaining, room.limit);
  }

  #attempt<O>(call: LiveCall<O>, turn: Turn): Promise<O> {
    const { observer, system } = this.#options;
    observer.attempt(system, turn.number === 1 ? "first" : "retry");
    const name = `attempt ${system}/${call.operation.name}`;
    return call.ctx.timings.measure(name, () => this.#send(call, turn), {
      system,
      operation: call.operation.name,
      attempt: turn.number,
      breaker: this.state,
    });
  }

  async #send<O>(call: LiveCall<O>, { signal }: Turn): Promise<O> {
    const { operation, ctx, deadline, send } = call;
    const { clock, agent, observer, system } = this.#options;
    let answer: Uint8Array | undefined;
    const onBody = (body: Uint8Array) => {
      answer = body;
    };
    const maxBytes = operation.maxBytes ?? defaultMaxBytes;
    const scenario = this.isSandbox ? ctx.scenario : undefined;
    const token = this.#options.settings.channel?.token;
    const fetch = createWireFetch({ agent, clock, signal, maxBytes, token, scenario, onBody });
    try {
      return await abortable(send({ signal, fetch, timeoutMs: deadline.at - clock.now() }), signal);
    } catch (thrown) {
      const failure = classify(thrown, system);
      if (failure.error.row.status >= 500) observer.fault(system, failure.error.code);
      this.#keep(failure.error, call, answer);
      if (failure.holdOff) this.#quota.pause(failure.holdOff, failure.error.code);
      throw failure;
    }
  }

  #keep<O>(error: GatewayError, call: LiveCall<O>, answer: Uint8Array | undefined): void {
    const { failures } = this.#options.settings;
    const message = failures && failedMessageOf(error, call, answer);
    if (message) void failures.keep(message);
  }

  #report<O>(call: LiveCall<O>, error: GatewayError, run: { sent: boolean; ms: number }): void {
    const { observer, system } = this.#options;
    const { name } = call.operation;
    const outcome = outcomeOf(error, run.sent);
    observer.operation(system, name, outcome, run.ms / 1_000);
    if (outcome === "refused" && error.code === "upstream-unavailable") observer.breakerRefused(system);
    if (outcome === "refused" && error.code === "upstream-rate-limited") observer.quotaRefused(system);
    if (outcome === "ok") return;
    call.ctx.log.warn({ system, operation: name, code: error.code, ms: run.ms }, "upstream call failed");
  }
}
