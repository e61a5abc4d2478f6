import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from "fastify";
import { GatewayError } from "../core/errors.ts";
import type { ClientRates } from "./client-rates.ts";
import { nobody } from "./context.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** requests a minute of one client to this route, counted apart; false: no limit */
    rateLimit?: { max: number } | false;
  }
}

interface LimitSettings {
  /** requests a minute of one client */
  perMinute: number;
  rates: ClientRates;
  /** true while this replica answers too slowly to take more */
  overloaded: () => boolean;
  /** HSTS makes sense behind https only */
  https: boolean;
}

// probes must be answered when the replica is busy
const isProbe = (request: FastifyRequest): boolean => request.url.startsWith("/health/");

/**
 * Security headers, load shedding and the rate limit per client (RateLimit-* headers on every answer). Returns the
 * limit for requests that find no route.
 */
export function registerLimits(app: FastifyInstance, settings: LimitSettings): onRequestHookHandler {
  const headers = securityHeaders(settings.https);
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(headers);
    if (settings.overloaded() && !isProbe(request)) return done(new GatewayError("overloaded"));
    done();
  });
  const usual = rateLimit(settings.rates, settings.perMinute);
  // it stands on each route, so that it runs after authentication and knows the client
  app.addHook("onRoute", (route) => {
    const own = route.config?.rateLimit;
    if (own === false) return;
    const limit = own ? rateLimit(settings.rates, own.max, `${route.url} `) : usual;
    route.onRequest = [route.onRequest ?? [], limit].flat();
  });
  return usual;
}

// by hand: docs/decisions/009-client-rates.md
function rateLimit(rates: ClientRates, max: number, prefix = ""): onRequestHookHandler {
  return ({ ctx: { actor }, ip }, reply, done) => {
    const client = actor === nobody ? ip : `${actor.tenant} ${actor.id}`;
    const { requests, endsInMs } = rates.count(prefix + client);
    const seconds = Math.max(1, Math.ceil(endsInMs / 1000));
    reply
      .header("ratelimit-limit", max)
      .header("ratelimit-remaining", Math.max(0, max - requests))
      .header("ratelimit-reset", seconds);
    if (requests > max) done(new GatewayError("rate-limited", { retryAfter: seconds }));
    else done();
  };
}

// by hand: @fastify/helmet added 17 µs of CPU to a request here, these few headers 2 µs
function securityHeaders(https: boolean): Record<string, string> {
  return {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    ...(https && { "strict-transport-security": "max-age=31536000; includeSubDomains" }),
  };
}

interface LoadGauge {
  overloaded(): boolean;
  stop(): void;
}

const windowMs = 1_000;

/** Watches the event loop: overloaded while the median delay of the last second is over the limit. */
export function watchLoad(limitMs: number): LoadGauge {
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let overloaded = false;
  const timer = setInterval(() => {
    overloaded = delay.percentile(50) / 1e6 > limitMs;
    delay.reset();
  }, windowMs);
  timer.unref();
  return {
    overloaded: () => overloaded,
    stop() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
