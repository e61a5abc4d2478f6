import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../core/clock.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import { createInstruments, type Instruments } from "./instruments.ts";
import { declareLabel } from "./labels.ts";
import { Metrics } from "./metrics.ts";
import { MetricsServer } from "./prometheus.ts";
import { observeRuntime } from "./runtime.ts";
import { type FinishedRequest, isSampled, type KeepPolicy, keepReason } from "./tail-sampling.ts";
import { TraceExport } from "./trace-export.ts";

export interface TelemetryOptions extends KeepPolicy {
  version: string;
  log: Logger;
  clock: Clock;
  /** where kept traces go; absent: they are counted and logged only */
  exporter?: SpanExporter;
}

const queueLimit = 2_048;
const flushMs = 5_000;

/**
 * Metrics, kept traces and the request log of one process. Every request leaves numbers; only those worth
 * keeping leave a line and spans.
 */
export class Telemetry {
  readonly metrics = new Metrics();
  readonly instruments: Instruments = createInstruments(this.metrics);
  readonly #options: TelemetryOptions;
  readonly #server: MetricsServer;
  readonly #runtime: { stop(): void };
  readonly #traces: TraceExport | undefined;
  readonly #stopped = new AbortController();

  constructor(options: TelemetryOptions) {
    this.#options = options;
    const resource = resourceFromAttributes({
      "service.name": "cabinet-gateway",
      "service.version": options.version,
    });
    this.#server = new MetricsServer(this.metrics, resource);
    this.#runtime = observeRuntime(this.metrics);
    this.metrics
      .gauge({
        name: "build_info",
        help: "always 1",
        labels: { version: "declared", node: "declared" },
        ceiling: 1,
      })
      .of({ version: declareLabel(options.version), node: declareLabel(process.version) }).value = 1;
    this.#traces = options.exporter && this.#exportTo(options.exporter, resource);
  }

  /** Opens the Prometheus port and gives its address. */
  listen(port: number, host: string): Promise<string> {
    return this.#server.listen(port, host);
  }

  /** Decides what is kept of an answered request; called after the answer left. */
  finish(request: FinishedRequest, line?: () => LogFields): void {
    const reason = keepReason(request, this.#options);
    if (reason) {
      this.instruments.tracesKept.of({ reason }).value++;
      this.#traces?.offer(request);
    }
    if (reason || isLogged(request)) this.#log(request, line?.() ?? {});
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    this.#runtime.stop();
    await this.#traces?.close();
    await this.#server.close();
  }

  #log(request: FinishedRequest, more: LogFields): void {
    const fields = {
      trace_id: request.traceId,
      request_id: request.requestId,
      route: request.route,
      method: request.method,
      status: request.status,
      ms: Math.round((request.endMs - request.startMs) * 10) / 10,
      code: request.code,
      tenant: request.tenant,
      role: request.role,
      ...more,
    };
    if (request.status >= 500) this.#options.log.warn(fields, "request");
    else this.#options.log.info(fields, "request");
  }

  #exportTo(exporter: SpanExporter, resource: Resource): TraceExport {
    const { spansExported, telemetryDropped } = this.instruments;
    const traces = new TraceExport({
      exporter,
      resource,
      queueLimit,
      exported: (spans) => {
        spansExported.of({}).value += spans;
      },
      dropped: (spans) => {
        telemetryDropped.of({ signal: "span" }).value += spans;
      },
    });
    void this.#flushRegularly(traces);
    return traces;
  }

  async #flushRegularly(traces: TraceExport): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await clock.sleep(flushMs, signal).catch(() => {});
      if (!signal.aborted) await traces.flush();
    }
  }
}

// the journal is the evidence of successful work, not the log (telemetry.md 6)
const loggedReads = 0.05;
const loggedWrites = 0.2;

function isLogged({ status, method, traceId }: FinishedRequest): boolean {
  if (status >= 400 && status !== 429) return true;
  return isSampled(traceId, method === "GET" || method === "HEAD" ? loggedReads : loggedWrites);
}

/** An exporter to an OpenTelemetry collector; its package is loaded only where one is configured. */
export async function otlpExporter(endpoint: string): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  return new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` });
}
