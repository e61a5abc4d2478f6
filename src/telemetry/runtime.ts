import {
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from "node:perf_hooks";
import type { Metrics } from "./metrics.ts";

/** Metrics of the Node.js runtime and of the process, read at each scrape; `stop` ends the sampling. */
export function observeRuntime(metrics: Metrics): { stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const pauses = metrics.histogram({
    name: "nodejs_gc_pause_seconds",
    help: "pauses of the garbage collector",
    bounds: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
  });
  const collector = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as PerformanceEntry[]) pauses.of({}).observe(entry.duration / 1000);
  });
  collector.observe({ entryTypes: ["gc"] });
  observeProcess(metrics);
  gauge(metrics, "nodejs_eventloop_lag_p99_seconds", "since the last scrape", () => {
    const seconds = delay.percentile(99) / 1e9;
    delay.reset();
    return seconds;
  });
  return {
    stop() {
      delay.disable();
      collector.disconnect();
    },
  };
}

function observeProcess(metrics: Metrics): void {
  let before = performance.eventLoopUtilization();
  gauge(metrics, "nodejs_eventloop_utilization", "0..1 since the last scrape", () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  });
  const cpu = { name: "process_cpu_seconds_total", help: "user and system time" };
  metrics.observed("counter", cpu).values = () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  };
  const memory = (name: string, help: string, key: "rss" | "heapUsed") =>
    gauge(metrics, name, help, () => process.memoryUsage()[key]);
  memory("process_resident_memory_bytes", "resident set size", "rss");
  memory("nodejs_heap_used_bytes", "heap in use", "heapUsed");
  gauge(metrics, "process_start_time_seconds", "since the epoch", () => performance.timeOrigin / 1000);
}

const gauge = (metrics: Metrics, name: string, help: string, read: () => number): void => {
  metrics.observed("gauge", { name, help }).values = () => [[{}, read()]];
};
