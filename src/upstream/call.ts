import type { Agent } from "undici";
import type { Cache } from "../cache/cache.ts";
import type { CacheSpec } from "../cache/spec.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { errorTypeOf, type Timing } from "../core/timings.ts";
import { abortable, type Deadline, withDeadline } from "./deadline.ts";
import { createAgent } from "./http.ts";
import { Lane, type LiveCall, type SystemSettings } from "./lane.ts";
import { type BreakerState, silentUpstreamObserver, type UpstreamObserver } from "./observer.ts";
import type { Attempt, Codec, Operation } from "./operation.ts";

export interface Fetched<O> {
  /** shared with other callers when cached, and frozen: copy before changing */
  value: O;
  /** clock milliseconds */
  asOf: number;
  source: SourceStatus;
}

interface UpstreamOptions {
  clock: Clock;
  cache: Cache;
  /** by the name that operations carry */
  systems: Readonly<Record<string, SystemSettings>>;
  observer?: UpstreamObserver;
  /** jitter of retries, 0..1 */
  random?: () => number;
}

/** What a call needs once it is known that the cache can't answer it at once. */
type Pending<O> = Omit<LiveCall<O>, "deadline"> & { lane: Lane };

/** What the cache is asked by. */
type CacheCodec = Pick<Codec<never, unknown>, "cacheKey" | "subjects">;

const fromCache: Timing["attributes"] = { "cache.result": "hit" };
const fromSystem: Timing["attributes"] = { "cache.result": "miss" };

/** The only way out of the gateway: span -> cache -> deadline -> retry( breaker -> quota -> send ). */
export class Upstream {
  readonly #clock: Clock;
  readonly #cache: Cache;
  readonly #agents = [createAgent()];
  readonly #lanes: ReadonlyMap<string, Lane>;

  constructor(options: UpstreamOptions) {
    const { clock, cache, systems, observer = silentUpstreamObserver, random = Math.random } = options;
    this.#clock = clock;
    this.#cache = cache;
    this.#lanes = new Map(
      Object.entries(systems).map(([system, settings]) => [
        system,
        new Lane({ system, settings, clock, agent: this.#agentFor(settings), observer, random }),
      ]),
    );
  }

  /** State of each system's breaker, for the readiness body. */
  states(): Readonly<Record<string, BreakerState>> {
    return Object.fromEntries([...this.#lanes].map(([system, lane]) => [system, lane.state]));
  }

  /** Waits for running calls, then closes every connection. */
  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.close()));
  }

  /** Systems with a channel of their own never share a connection that another's certificate opened. */
  #agentFor({ channel }: SystemSettings): Agent {
    const [shared] = this.#agents as [Agent];
    if (!channel) return shared;
    const own = createAgent(channel);
    this.#agents.push(own);
    return own;
  }

  /** What the cache can give at once, without a promise; undefined when the system has to be asked. */
  known<O>(operation: Operation, codec: CacheCodec, ctx: RequestContext): Fetched<O> | undefined {
    const spec = cacheSpecOf(operation, codec, ctx, this.#laneOf(operation));
    const hit = spec && this.#cache.peek<O>(spec);
    if (!hit) return undefined;
    const at = performance.now();
    ctx.timings.entries.push({ name: nameOf(operation), startMs: at, endMs: at, attributes: fromCache });
    return fetched(operation, "cached", hit);
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
    const known = this.known<O>(operation, codec, ctx);
    if (known) return known;
    const lane = this.#laneOf(operation);
    const startMs = performance.now();
    let attributes: Timing["attributes"];
    try {
      const spec = cacheSpecOf(operation, codec, ctx, lane);
      const pending = { operation, ctx, lane, send: (attempt: Attempt) => codec.send(attempt, input) };
      if (!spec) return await this.#alone(pending);
      const found = await this.#shared(spec, pending);
      attributes = found.source.status === "cached" ? fromCache : fromSystem;
      return found;
    } catch (error) {
      attributes = { "error.type": errorTypeOf(error), breaker: lane.state };
      throw error;
    } finally {
      ctx.timings.entries.push({ name: nameOf(operation), startMs, endMs: performance.now(), attributes });
    }
  }

  #laneOf({ system }: Operation): Lane {
    const lane = this.#lanes.get(system);
    if (!lane) throw new GatewayError("internal", { detail: `system ${system} is not configured` });
    return lane;
  }

  async #alone<O>({ lane, ...call }: Pending<O>): Promise<Fetched<O>> {
    const asOf = this.#clock.now();
    const [full, own] = [this.#fullDeadline(call.operation), ownDeadline(call)];
    const value = await lane.run({ ...call, deadline: full.at <= own.at ? full : own });
    return fetched(call.operation, "fresh", { value, asOf });
  }

  /** A load that others may join must not die with this request, so it has the operation's whole time. */
  async #shared<O>(spec: CacheSpec, { lane, ...call }: Pending<O>): Promise<Fetched<O>> {
    const load = () => lane.run({ ...call, deadline: this.#fullDeadline(call.operation) });
    const found = await withDeadline(this.#clock, ownDeadline(call), (signal) =>
      abortable(this.#cache.getOrLoad(spec, load), signal),
    );
    return fetched(call.operation, found.result === "hit" ? "cached" : "fresh", found);
  }

  #fullDeadline({ system, timeoutMs }: Operation): Deadline {
    return {
      at: this.#clock.now() + timeoutMs,
      reason: () => new GatewayError("upstream-timeout", { system }),
    };
  }
}

function ownDeadline({ operation, ctx }: { operation: Operation; ctx: RequestContext }): Deadline {
  return {
    at: ctx.deadline,
    reason: () => new GatewayError("deadline-exceeded", { system: operation.system }),
  };
}

const nameOf = ({ system, name }: Operation): string => `upstream ${system}/${name}`;

function cacheSpecOf(
  operation: Operation,
  codec: CacheCodec,
  ctx: RequestContext,
  lane: Lane,
): CacheSpec | undefined {
  if (operation.effect === "write" || operation.cacheSeconds <= 0 || !codec.cacheKey) return undefined;
  // what a scenario makes a sandbox say is for its caller alone
  if (lane.isSandbox && ctx.scenario) return undefined;
  return {
    name: `${operation.system}.${operation.name}`,
    tenant: ctx.actor.tenant,
    key: codec.cacheKey,
    subjects: codec.subjects ?? [],
    seconds: operation.cacheSeconds,
  };
}

function fetched<O>(
  { system }: Operation,
  status: "fresh" | "cached",
  { value, asOf }: { value: O; asOf: number },
): Fetched<O> {
  return { value, asOf, source: { system, status, asOf } };
}
