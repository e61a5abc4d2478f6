import type { FastifyInstance } from "fastify";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";

interface StrangerSettings {
  clock: Clock;
  /** refused sign-ins and tokens a minute that one address may cause */
  refusalsPerMinute: number;
}

const windowMs = 60_000;

/**
 * Holds off addresses whose tokens were refused again and again: a flood of 401 would otherwise cost a signature
 * check and a journal row each. Counts are per replica.
 */
export function registerStrangers(
  app: FastifyInstance,
  { clock, refusalsPerMinute }: StrangerSettings,
): void {
  const refusals = new LRUCache<string, { count: number; until: number }>({ max: 50_000 });
  const current = (ip: string) => {
    const seen = refusals.get(ip);
    return seen && seen.until > clock.now() ? seen : undefined;
  };
  app.addHook("onRequest", ({ ip }, _reply, done) => {
    const seen = current(ip);
    if (!seen || seen.count < refusalsPerMinute) return done();
    const retryAfter = Math.ceil((seen.until - clock.now()) / 1000);
    done(new GatewayError("rate-limited", { retryAfter, detail: "too many refused credentials" }));
  });
  app.addHook("onResponse", ({ ip }, { statusCode }, done) => {
    if (statusCode === 401) {
      const seen = current(ip) ?? { count: 0, until: clock.now() + windowMs };
      seen.count += 1;
      refusals.set(ip, seen);
    }
    done();
  });
}
