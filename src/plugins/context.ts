import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Actor, RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { Timings } from "../core/timings.ts";
import { RequestLogger } from "../telemetry/log.ts";

declare module "fastify" {
  interface FastifyRequest {
    ctx: RequestContext;
  }
}

export interface ContextSettings {
  clock: Clock;
  log: Logger;
  /** deadline of a whole request */
  timeoutMs: number;
}

export const nobody: Actor = { kind: "client", id: "anonymous", tenant: "", scopes: [] };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id of a request: the caller's `X-Request-ID` when it is a UUID, otherwise a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && uuid.test(header) ? header.toLowerCase() : crypto.randomUUID();
}

/** Gives every request its context and every answer its `X-Request-ID`. */
export function registerContext(app: FastifyInstance, settings: ContextSettings): void {
  // fastify wants the shape announced once; the value is set before any other hook reads it
  app.decorateRequest("ctx", null as unknown as RequestContext);
  app.addHook("onRequest", (request, reply, done) => {
    const scenario = request.headers["x-scenario"];
    request.ctx = {
      requestId: request.id,
      actor: nobody,
      deadline: settings.clock.now() + settings.timeoutMs,
      log: new RequestLogger(settings.log, request.id),
      timings: new Timings(),
      scenario: typeof scenario === "string" ? scenario : undefined,
    };
    reply.header("x-request-id", request.id);
    // RFC 9112 3.2; HTTP/1.0 has none
    if (request.headers.host === undefined && request.raw.httpVersionMinor > 0)
      return done(new GatewayError("bad-request", { field: "Host", detail: "a request names its Host" }));
    done();
  });
}
