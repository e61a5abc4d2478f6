import { randomBytes } from "node:crypto";
import {
  context,
  type Link,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import { BasicTracerProvider, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Timing } from "../core/timings.ts";
import { declareLabel } from "./labels.ts";
import type { FinishedRequest } from "./tail-sampling.ts";

/** Attributes that may leave on a span and their public names; the rest is dropped (telemetry.md 2). */
const attributeNames = new Map([
  ["server.address", "server.address"],
  ["error.type", "error.type"],
  ...(
    "system operation interaction resource cache.result breaker attempt map map.version chain outbox.id tenant " +
    "role purpose sandbox kill_switch schema commit rx.from rx.to"
  )
    .split(" ")
    .map((name): [string, string] => [name, `cabinet.${name}`]),
]);

function allowed(attributes: Timing["attributes"]): NonNullable<Timing["attributes"]> {
  return Object.fromEntries(
    Object.entries(attributes ?? {}).flatMap(([key, value]) => {
      const name = attributeNames.get(key);
      return name === undefined ? [] : [[name, value]];
    }),
  );
}

const traceparent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

// the caller's trace is another trust zone: linked, never joined (telemetry.md 3)
function linksOf(header: string | undefined): Link[] {
  const [, traceId, spanId] = traceparent.exec(header ?? "") ?? [];
  if (!traceId || !spanId) return [];
  return [{ context: { traceId, spanId, traceFlags: TraceFlags.NONE, isRemote: true } }];
}

const epochMs = (ms: number): number => performance.timeOrigin + ms;

interface TraceExportOptions {
  exporter: SpanExporter;
  resource: Resource;
  /** most traces that wait; further ones are dropped and counted */
  queueLimit: number;
  exported: (spans: number) => void;
  dropped: (spans: number) => void;
}

/**
 * Kept requests become OpenTelemetry spans here, after their answers left: in batches, from a bounded queue
 * that drops and counts but never blocks.
 */
export class TraceExport {
  readonly #options: TraceExportOptions;
  readonly #tracer: Tracer;
  #traceId = "";
  #queue: FinishedRequest[] = [];
  #spans: ReadableSpan[] = [];
  #running: Promise<void> | undefined;

  constructor(options: TraceExportOptions) {
    this.#options = options;
    const provider = new BasicTracerProvider({
      resource: options.resource,
      idGenerator: {
        generateTraceId: () => this.#traceId,
        generateSpanId: () => randomBytes(8).toString("hex"),
      },
      spanProcessors: [
        {
          onStart() {},
          onEnd: (span) => void this.#spans.push(span),
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    });
    this.#tracer = provider.getTracer("cabinet-gateway");
  }

  offer(request: FinishedRequest): void {
    if (this.#queue.length >= this.#options.queueLimit) this.#options.dropped(1 + request.timings.length);
    else this.#queue.push(request);
  }

  /** Sends all that waits; resolves also when the collector refuses, which is counted. */
  flush(): Promise<void> {
    this.#running ??= this.#sendAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#options.exporter.shutdown();
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      for (const request of this.#queue.splice(0, 100)) this.#toSpans(request);
      const batch = this.#spans;
      this.#spans = [];
      await new Promise<void>((resolve) => {
        this.#options.exporter.export(batch, ({ code }) => {
          if (code === 0) this.#options.exported(batch.length);
          else this.#options.dropped(batch.length);
          resolve();
        });
      });
    }
  }

  #toSpans(request: FinishedRequest): void {
    this.#traceId = request.traceId;
    const root = this.#tracer.startSpan(`${request.method} ${request.route}`, {
      root: true,
      kind: SpanKind.SERVER,
      startTime: epochMs(request.startMs),
      links: linksOf(request.linked),
      attributes: rootAttributes(request),
    });
    const parent = trace.setSpan(context.active(), root);
    for (const { name, startMs, endMs, attributes } of request.timings) {
      const kind = name.startsWith("attempt ") ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const options = { kind, startTime: epochMs(startMs), attributes: allowed(attributes) };
      this.#tracer.startSpan(declareLabel(name), options, parent).end(epochMs(endMs));
    }
    if (request.status >= 500) root.setStatus({ code: SpanStatusCode.ERROR });
    root.end(epochMs(request.endMs));
  }
}

const rootAttributes = (request: FinishedRequest) => ({
  "http.request.method": request.method,
  "http.route": request.route,
  "http.response.status_code": request.status,
  ...(request.code !== undefined && { "error.type": request.code }),
  ...(request.tenant !== undefined && { "cabinet.tenant": request.tenant }),
  ...(request.role !== undefined && { "cabinet.role": request.role }),
});
