import { Cache } from "../../src/cache/cache.ts";
import type { Clock, ManualClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Timings } from "../../src/core/timings.ts";
import { Upstream } from "../../src/upstream/call.ts";
import type { SystemSettings } from "../../src/upstream/lane.ts";
import { silentUpstreamObserver, type UpstreamObserver } from "../../src/upstream/observer.ts";
import type { Attempt, Codec, Operation } from "../../src/upstream/operation.ts";

/** A request of one tenant with half a minute to go. */
export function testContext(clock: Clock, more: Partial<RequestContext> = {}): RequestContext {
  return {
    requestId: "test",
    actor: { kind: "client", id: "client-1", tenant: "1.2.643.5.1.13.13.12.2.77.7823", scopes: [] },
    deadline: clock.now() + 30_000,
    log: silentLogger,
    timings: new Timings(),
    ...more,
  };
}

export const readOperation: Operation = {
  system: "registry",
  name: "find",
  effect: "read",
  timeoutMs: 10_000,
  cacheSeconds: 0,
  priority: "interactive",
};

export const writeOperation: Operation = { ...readOperation, name: "submit", effect: "write" };

/** An Upstream with one system, `registry`, and what its observer saw. */
export function testUpstream<C extends Clock>(clock: C, settings: Partial<SystemSettings> = {}) {
  const seen: string[] = [];
  const observer: UpstreamObserver = {
    ...silentUpstreamObserver,
    operation: (system, operation, outcome) => seen.push(`${system}.${operation} ${outcome}`),
    attempt: (_system, kind) => seen.push(kind),
    breaker: (_system, state) => seen.push(state),
    breakerRefused: () => seen.push("breaker refused"),
    quotaRefused: () => seen.push("quota refused"),
  };
  const cache = new Cache({ clock, maxBytes: 1_000_000 });
  const systems = { registry: { sandbox: false, ...settings } };
  const upstream = new Upstream({ clock, cache, systems, observer, random: () => 0 });
  return { upstream, seen, cache, clock };
}

/** A codec whose attempts are the given steps in turn, the last one repeated; counts them. */
export function steps<O>(...turns: ((attempt: Attempt) => Promise<O> | O)[]) {
  const codec = {
    sent: 0,
    async send(attempt: Attempt): Promise<O> {
      const turn = turns[Math.min(codec.sent, turns.length - 1)];
      codec.sent += 1;
      return await turn!(attempt);
    },
  } satisfies Codec<unknown, O> & { sent: number };
  return codec;
}

/** Moves the clock in small steps until the promise is settled; settles like it. */
export async function drive<T>(clock: ManualClock, promise: Promise<T>, stepMs = 20): Promise<T> {
  let settled = false;
  const end = () => {
    settled = true;
  };
  promise.then(end, end);
  for (let turn = 0; turn < 10_000 && !settled; turn++) {
    await new Promise(setImmediate);
    if (!settled) await clock.advance(stepMs);
  }
  return promise;
}
