import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Actor } from "../core/context.ts";
import type { ErrorCode } from "../core/error-table.ts";
import type { Instruments, RejectReason, ServiceLevel } from "../telemetry/instruments.ts";
import {
  type DeclaredLabel,
  declareLabel,
  methodLabel,
  otherLabel,
  statusLabel,
} from "../telemetry/labels.ts";
import type { HistogramSeries } from "../telemetry/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

interface TelemetrySettings {
  telemetry: Telemetry;
  /** keyed hash of an actor's id for the log */
  pseudonym: (actorId: string) => string;
  /** may this actor ask with `X-Debug-Trace` for its trace to be kept */
  mayDebug?: (actor: Actor) => boolean;
}

const rejections: Partial<Record<ErrorCode, RejectReason>> = {
  "rate-limited": "rate",
  "payload-too-large": "body",
  unauthorized: "auth",
  "token-expired": "auth",
  "csrf-rejected": "csrf",
  overloaded: "load",
  "bad-request": "schema",
};

// of a caller who went away; never sent
const clientClosed = 499;

/** Measures every request and hands it to the telemetry when its answer has left or its caller is gone. */
export function registerTelemetry(app: FastifyInstance, settings: TelemetrySettings): void {
  const { instruments } = settings.telemetry;
  const active = instruments.activeRequests.of({});
  const journalSeconds = instruments.journalSeconds.of({});
  const routes = new RouteSeries(instruments);
  const measure = (request: FastifyRequest, reply: FastifyReply) => {
    active.value--;
    const { startMs, entries } = request.ctx.timings;
    const endMs = performance.now();
    const status = reply.raw.writableEnded ? reply.statusCode : clientClosed;
    routes.of(request, status).observe((endMs - startMs) / 1000);
    for (const timing of entries)
      if (timing.name === "journal append") journalSeconds.observe((timing.endMs - timing.startMs) / 1000);
    if (request.errorCode) countError(instruments, request.errorCode);
    finish(request, reply, { endMs, status }, settings);
  };
  app.addHook("onRequest", (request, reply, done) => {
    active.value++;
    // also of a connection that broke, for which fastify has no onResponse; and one listener is cheaper than its three
    reply.raw.on("close", () => measure(request, reply));
    done();
  });
}

function countError({ errors, rejected }: Instruments, code: ErrorCode): void {
  errors.of({ code }).value++;
  const reason = rejections[code];
  if (reason) rejected.of({ reason }).value++;
}

function finish(
  request: FastifyRequest,
  reply: FastifyReply,
  { endMs, status }: { endMs: number; status: number },
  { telemetry, pseudonym, mayDebug }: TelemetrySettings,
): void {
  const { headers, ctx, errorCode } = request;
  const { actor, timings } = ctx;
  // a caller may choose the request id, so it must not choose what is sampled
  const ownId = headers["x-request-id"] === undefined ? request.id : crypto.randomUUID();
  const finished = {
    traceId: ownId.replaceAll("-", ""),
    requestId: request.id,
    route: routeOf(request),
    method: methodLabel(request.method),
    status,
    startMs: timings.startMs,
    endMs,
    timings: timings.entries,
    code: errorCode,
    tenant: actor.tenant,
    role: actor.role,
    linked: headers.traceparent as string | undefined,
    asked: headers["x-debug-trace"] !== undefined && (mayDebug?.(actor) ?? false),
  };
  telemetry.finish(finished, () => ({
    actor: actor.id === "anonymous" ? undefined : pseudonym(actor.id),
    operation: timings.entries
      .filter(({ name }) => name.startsWith("upstream "))
      .map(({ name }) => name.slice(9)),
    bytes_out: Number(reply.getHeader("content-length")) || undefined,
  }));
}

/** A route's url without the patterns of its parameters, as the metrics name it. */
export const labelOfRoute = (url: string): string =>
  url.includes("(") ? url.replace(/\([^)]*\)/g, "") : url;

const routeOf = ({ routeOptions }: FastifyRequest): DeclaredLabel =>
  routeOptions.url === undefined ? otherLabel : declareLabel(labelOfRoute(routeOptions.url));

function serviceLevelOf(route: string, method: string): ServiceLevel {
  if (!/^\/(fhir|cabinet|auth)\//.test(route)) return "none";
  return method === "GET" || method === "HEAD" || route.endsWith("/_search") ? "read" : "write";
}

/** Histogram series by route, method and status, found by one short key. */
class RouteSeries {
  readonly #instruments: Instruments;
  readonly #known = new Map<string, Map<string, HistogramSeries>>();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  of(request: FastifyRequest, status: number): HistogramSeries {
    const route = request.routeOptions.url ?? "other";
    let series = this.#known.get(route);
    if (!series) {
      series = new Map();
      this.#known.set(route, series);
    }
    const key = request.method + status;
    const known = series.get(key);
    if (known) return known;
    const made = this.#instruments.requestSeconds.of({
      http_request_method: methodLabel(request.method),
      http_route: routeOf(request),
      http_response_status_code: statusLabel(status),
      slo: serviceLevelOf(route, request.method),
    });
    series.set(key, made);
    return made;
  }
}
