import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type HrTime, ValueType } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  MeterProvider,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import { HistogramSeries, type MetricFamily, type Metrics, type ValueSeries } from "./metrics.ts";

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];

function metricDataOf(family: MetricFamily, startTime: HrTime, endTime: HrTime): MetricData {
  const series = family.read();
  const base = {
    descriptor: { name: family.name, description: family.help, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const point = { startTime, endTime };
  if (family.kind === "histogram")
    return {
      ...base,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: series
        .filter((one): one is HistogramSeries => one instanceof HistogramSeries)
        .map((one) => ({ ...point, attributes: one.attributes, value: histogramOf(one) })),
    };
  const dataPoints = series.map((one) => ({
    ...point,
    attributes: one.attributes,
    value: (one as ValueSeries).value,
  }));
  return family.kind === "counter"
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
}

function histogramOf({ counts, bounds, sum }: HistogramSeries) {
  const buckets = [...counts];
  return {
    buckets: { boundaries: [...bounds], counts: buckets },
    sum,
    count: buckets.reduce((total, count) => total + count, 0),
  };
}

/** Hands our arrays to the OpenTelemetry SDK at each collection. */
class MetricsProducer implements MetricProducer {
  readonly #metrics: Metrics;
  readonly #resource: Resource;
  readonly #startTime = hrTime(performance.timeOrigin);

  constructor(metrics: Metrics, resource: Resource) {
    this.#metrics = metrics;
    this.#resource = resource;
  }

  async collect(): Promise<CollectionResult> {
    const now = hrTime(Date.now());
    const metrics = this.#metrics.families.map((family) => metricDataOf(family, this.#startTime, now));
    const scopeMetrics = [{ scope: { name: "cabinet-gateway" }, metrics }];
    return { resourceMetrics: { resource: this.#resource, scopeMetrics }, errors: [] };
  }
}

/** The Prometheus door: `/metrics` on a port of its own, never routed by an ingress. */
export class MetricsServer {
  readonly #exporter: PrometheusExporter;
  readonly #provider: MeterProvider;
  readonly #server: Server;

  constructor(metrics: Metrics, resource: Resource) {
    this.#exporter = new PrometheusExporter({
      preventServerStart: true,
      prefix: "cabinet",
      withoutScopeInfo: true,
      withoutTargetInfo: true,
      metricProducers: [new MetricsProducer(metrics, resource)],
    });
    this.#provider = new MeterProvider({ resource, readers: [this.#exporter] });
    this.#server = createServer((request, response) => {
      if (request.url?.split("?")[0] === "/metrics")
        return this.#exporter.getMetricsRequestHandler(request, response);
      response.writeHead(404).end();
    });
  }

  /** Listens and gives the address of the metrics. */
  listen(port: number, host: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        const { port: actual } = this.#server.address() as AddressInfo;
        resolve(`http://${host}:${actual}/metrics`);
      });
    });
  }

  async close(): Promise<void> {
    await this.#provider.shutdown();
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
