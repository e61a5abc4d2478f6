import type { Agent } from "undici";
import type { Cache } from "../cache/cache.ts";
import type { CacheSpec } from "../cache/spec.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { Breaker, type BreakerSettings } from "./breaker.ts";
import { classify, outcomeOf } from "./classify.ts";
import { abortable, type Deadline, withDeadline } from "./deadline.ts";
import { createAgent, createWireFetch } from "./http.ts";
import { type BreakerState, silentUpstreamObserver, type UpstreamObserver } from "./observer.ts";
import type { Attempt, Codec, Operation } from "./operation.ts";
import { Quota } from "./quota.ts";
import { RetryBudget, retrying } from "./retry.ts";
import type { QuotaSettings } from "./token-bucket.ts";

export interface Fetched<O> {
  /** shared with other callers when cached, and frozen: copy before changing */
  value: O;
  /** clock milliseconds */
  asOf: number;
  source: SourceStatus;
}

export interface SystemSettings {
  /** only a sandbox is sent X-Scenario */
  sandbox: boolean;
  /** of this replica; absent: no limit of ours */
  quota?: QuotaSettings;
  breaker?: Partial<BreakerSettings>;
}

interface UpstreamOptions {
  clock: Clock;
  cache: Cache;
  systems: Readonly<Record<string, SystemSettings>>;
  observer?: UpstreamObserver;
  /** jitter of retries, 0..1 */
  random?: () => number;
}

/** What one system's calls share. */
interface Lane {
  settings: SystemSettings;
  breaker: Breaker;
  quota: Quota;
  budget: RetryBudget;
}

interface Job<O> {
  operation: Operation;
  lane: Lane;
  ctx: RequestContext;
  deadline: Deadline;
  send: (attempt: Attempt) => Promise<O>;
}

const defaultMaxBytes = 1_048_576;

/** The only way out of the gateway: span -> cache -> deadline -> retry( breaker -> quota -> send ). */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #observer: UpstreamObserver;
  readonly #agent: Agent = createAgent();
  readonly #lanes: ReadonlyMap<string, Lane>;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#observer = options.observer ?? silentUpstreamObserver;
    this.#lanes = new Map(
      Object.entries(options.systems).map(([system, settings]) => [system, this.#laneOf(system, settings)]),
    );
  }

  /** State of each system's breaker, for the readiness body. */
  states(): Readonly<Record<string, BreakerState>> {
    return Object.fromEntries([...this.#lanes].map(([system, lane]) => [system, lane.breaker.state]));
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /**
   * Calls one operation of a system. Throws GatewayError only: `upstream-*` for the system's failures,
   * `deadline-exceeded` for the request's own, and whatever GatewayError the codec threw.
   */
  async call<I, O>(
    operation: Operation,
    input: I,
    codec: Codec<I, O>,
    ctx: RequestContext,
  ): Promise<Fetched<O>> {
    const lane = this.#lanes.get(operation.system);
    if (!lane) throw new GatewayError("internal", { detail: `system ${operation.system} is not configured` });
    const send = (attempt: Attempt) => codec.send(attempt, input);
    const spec = cacheSpecOf(operation, codec, ctx, lane);
    const startMs = performance.now();
    try {
      if (!spec)
        return await this.#fresh({ operation, lane, ctx, send, deadline: this.#ownDeadline(operation, ctx) });
      const hit = this.#options.cache.peek<O>(spec);
      if (hit) return cached(operation, hit.value, hit.asOf);
      return await this.#throughCache(spec, {
        operation,
        lane,
        ctx,
        send,
        deadline: this.#fullDeadline(operation),
      });
    } finally {
      const name = `upstream ${operation.system}/${operation.name}`;
      ctx.timings.entries.push({ name, startMs, endMs: performance.now() });
    }
  }

  async #throughCache<O>(spec: CacheSpec, job: Job<O>): Promise<Fetched<O>> {
    const { clock, cache } = this.#options;
    const own = { at: job.ctx.deadline, reason: () => new GatewayError("deadline-exceeded") };
    const found = await withDeadline(clock, own, (signal) =>
      abortable(
        cache.getOrLoad(spec, () => this.#live(job)),
        signal,
      ),
    );
    return found.result === "hit"
      ? cached(job.operation, found.value, found.asOf)
      : fresh(job.operation, found.value, found.asOf);
  }

  async #fresh<O>(job: Job<O>): Promise<Fetched<O>> {
    const asOf = this.#options.clock.now();
    return fresh(job.operation, await this.#live(job), asOf);
  }

  async #live<O>(job: Job<O>): Promise<O> {
    const { clock, random = Math.random } = this.#options;
    const { operation, lane, deadline } = job;
    const startedAt = clock.now();
    const sends = { count: 0 };
    try {
      const value = await withDeadline(clock, deadline, (signal) =>
        retrying(
          {
            clock,
            random,
            signal,
            budget: lane.budget,
            deadline: deadline.at,
            repeatable: operation.effect === "read",
          },
          (number) => lane.breaker.run(() => this.#attempt(job, { number, signal, sends })),
        ),
      );
      this.#observer.operation(operation.system, operation.name, "ok", (clock.now() - startedAt) / 1_000);
      return value;
    } catch (thrown) {
      const error = isGatewayError(thrown) ? thrown : classify(thrown, operation.system).error;
      this.#report(job, error, { sent: sends.count > 0, ms: clock.now() - startedAt });
      throw error;
    }
  }

  async #attempt<O>(
    job: Job<O>,
    turn: { number: number; signal: AbortSignal; sends: { count: number } },
  ): Promise<O> {
    const { operation, lane, ctx, deadline } = job;
    const { priority, system } = operation;
    await lane.quota.take({ priority, tenant: ctx.actor.tenant, deadline: deadline.at, signal: turn.signal });
    if (lane.quota.remaining !== undefined) this.#observer.quota(system, lane.quota.remaining);
    this.#observer.attempt(system, turn.number === 1 ? "first" : "retry");
    turn.sends.count += 1;
    const name = `attempt ${system}/${operation.name}`;
    return ctx.timings.measure(name, () => this.#send(job, turn.signal), { attempt: turn.number });
  }

  async #send<O>(job: Job<O>, signal: AbortSignal): Promise<O> {
    const { clock } = this.#options;
    const { operation, lane, ctx, deadline } = job;
    const maxBytes = operation.maxBytes ?? defaultMaxBytes;
    const scenario = lane.settings.sandbox ? ctx.scenario : undefined;
    const fetch = createWireFetch({ agent: this.#agent, clock, signal, maxBytes, scenario });
    try {
      return await abortable(job.send({ signal, fetch, timeoutMs: deadline.at - clock.now() }), signal);
    } catch (thrown) {
      const failure = classify(thrown, operation.system);
      this.#observer.fault(operation.system, failure.error.code);
      if (failure.holdOff) lane.quota.pause(failure.holdOff, failure.error.code);
      throw failure;
    }
  }

  #report<O>({ operation, ctx }: Job<O>, error: GatewayError, run: { sent: boolean; ms: number }): void {
    const { system, name } = operation;
    const outcome = outcomeOf(error, run.sent);
    this.#observer.operation(system, name, outcome, run.ms / 1_000);
    if (outcome === "refused" && error.code === "upstream-unavailable") this.#observer.breakerRefused(system);
    if (outcome === "refused" && error.code === "upstream-rate-limited") this.#observer.quotaRefused(system);
    ctx.log.warn({ system, operation: name, code: error.code, ms: run.ms }, "upstream call failed");
  }

  #laneOf(system: string, settings: SystemSettings): Lane {
    const { clock } = this.#options;
    const onState = (state: BreakerState) => this.#observer.breaker(system, state);
    return {
      settings,
      breaker: new Breaker({ system, clock, settings: settings.breaker, onState }),
      quota: new Quota(system, clock, settings.quota),
      budget: new RetryBudget(),
    };
  }

  /** A shared load must not die with the first caller's request, so it has the operation's whole time. */
  #fullDeadline({ system, timeoutMs }: Operation): Deadline {
    return {
      at: this.#options.clock.now() + timeoutMs,
      reason: () => new GatewayError("upstream-timeout", { system }),
    };
  }

  #ownDeadline(operation: Operation, ctx: RequestContext): Deadline {
    const full = this.#fullDeadline(operation);
    if (full.at <= ctx.deadline) return full;
    return {
      at: ctx.deadline,
      reason: () => new GatewayError("deadline-exceeded", { system: operation.system }),
    };
  }
}

function cacheSpecOf<I, O>(
  operation: Operation,
  codec: Codec<I, O>,
  ctx: RequestContext,
  lane: Lane,
): CacheSpec | undefined {
  if (operation.effect === "write" || operation.cacheSeconds <= 0 || !codec.cacheKey) return undefined;
  // what a scenario makes a sandbox say is for its caller alone
  if (lane.settings.sandbox && ctx.scenario) return undefined;
  return {
    name: `${operation.system}.${operation.name}`,
    tenant: ctx.actor.tenant,
    key: codec.cacheKey,
    subjects: codec.subjects ?? [],
    seconds: operation.cacheSeconds,
  };
}

function fresh<O>({ system }: Operation, value: O, asOf: number): Fetched<O> {
  return { value, asOf, source: { system, status: "fresh", asOf } };
}

function cached<O>({ system }: Operation, value: O, asOf: number): Fetched<O> {
  return { value, asOf, source: { system, status: "cached", asOf } };
}
