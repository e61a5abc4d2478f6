import { InMemorySpanExporter } from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { declareLabel } from "./labels.ts";
import { type FinishedRequest, isSampled, keepReason } from "./tail-sampling.ts";
import { Telemetry, type TelemetryOptions } from "./telemetry.ts";
import { upstreamMetrics } from "./upstream-metrics.ts";

const unsampled = "0".repeat(24) + "f".repeat(8);
const finished = (more: Partial<FinishedRequest> = {}): FinishedRequest => ({
  traceId: unsampled,
  requestId: "6d9c9b3e-6a3b-4a7e-9f0e-2c8d7f9a1b11",
  route: declareLabel("/fhir/Practitioner/:id"),
  method: "GET",
  status: 200,
  startMs: 100,
  endMs: 110,
  timings: [],
  ...more,
});

let telemetry: Telemetry;
const lines: { level: string; fields: Record<string, unknown> }[] = [];
const record = (level: string) => (fields: object) =>
  void lines.push({ level, fields: fields as Record<string, unknown> });
const log = { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") };

function start(more: Partial<TelemetryOptions> = {}): Telemetry {
  lines.length = 0;
  telemetry = new Telemetry({
    version: "1.2.3",
    log,
    clock: new ManualClock(),
    ratio: 0.01,
    slowMs: 1_000,
    ...more,
  });
  return telemetry;
}
afterEach(() => telemetry?.close());

describe("tail sampling", () => {
  const policy = { ratio: 0.01, slowMs: 1_000 };

  const timing = { name: "attempt frmr/getEmployee", startMs: 1, endMs: 2 };
  const failed = (code: string) => ({ ...timing, attributes: { "error.type": code } });

  it("a refusal for which nothing was tried is no error to keep, an attempt that failed is", () => {
    const refused = { ...failed("upstream-unavailable"), name: "upstream frmr/getEmployee" };
    expect(keepReason(finished({ status: 503, timings: [refused] }), policy)).toBeUndefined();
    expect(keepReason(finished({ timings: [refused] }), policy)).toBeUndefined();
    const tried = [failed("upstream-unavailable"), refused];
    expect(keepReason(finished({ status: 503, timings: tried }), policy)).toBe("error");
  });

  it("that there is no such person is no fault", () => {
    expect(keepReason(finished({ timings: [failed("person-not-found")] }), policy)).toBeUndefined();
  });

  it("errors, faults, retries, slow and asked-for requests are kept, an ordinary one is not", () => {
    expect(keepReason(finished(), policy)).toBeUndefined();
    expect(keepReason(finished({ status: 502 }), policy)).toBe("error");
    expect(keepReason(finished({ timings: [{ ...timing, attributes: { attempt: 2 } }] }), policy)).toBe(
      "fault",
    );
    expect(keepReason(finished({ timings: [failed("upstream-timeout")] }), policy)).toBe("fault");
    expect(keepReason(finished({ endMs: 1_200 }), policy)).toBe("slow");
    expect(keepReason(finished({ asked: true }), policy)).toBe("asked");
    expect(keepReason(finished({ traceId: "0".repeat(32) }), policy)).toBe("sample");
  });

  it("about one in a hundred random trace ids is sampled", () => {
    const ids = Array.from({ length: 20_000 }, () => crypto.randomUUID().replaceAll("-", ""));
    const share = ids.filter((id) => isSampled(id, 0.01)).length / ids.length;
    expect(share).toBeGreaterThan(0.005);
    expect(share).toBeLessThan(0.02);
  });
});

describe("kept traces", () => {
  it("become spans with real times, allowed attributes only, and a link to the caller's trace", async () => {
    const exporter = new InMemorySpanExporter();
    const clock = new ManualClock();
    start({ exporter, clock });
    const timings = [
      {
        name: "attempt frmr/getEmployee",
        startMs: 102,
        endMs: 108,
        attributes: { attempt: 1, "url.full": "http://x/?snils=11223344595" },
      },
      { name: "read Иванов", startMs: 108, endMs: 109 },
    ];
    const linked = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    telemetry.finish(finished({ status: 504, code: "upstream-timeout", timings, linked }));
    telemetry.finish(finished());
    await clock.advance(5_000);
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual([
      "attempt frmr/getEmployee",
      "other",
      "GET /fhir/Practitioner/:id",
    ]);
    const [call, , root] = spans;
    expect(call?.attributes).toEqual({ "cabinet.attempt": 1 });
    expect(call?.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
    expect(root?.spanContext().traceId).toBe(unsampled);
    expect(root?.parentSpanContext).toBeUndefined();
    expect(root?.links[0]?.context.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(root?.attributes["error.type"]).toBe("upstream-timeout");
    const [seconds = 0, nanos = 0] = call?.duration ?? [];
    expect(seconds * 1e3 + nanos / 1e6).toBeCloseTo(6, 2);
    await telemetry.close();
    expect(telemetry.instruments.spansExported.of({}).value).toBe(3);
  });

  it("a full queue and a refusing collector drop spans, count them and block nothing", async () => {
    const clock = new ManualClock();
    const exporter = {
      export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 1 }),
      shutdown: async () => {},
    };
    start({ exporter, clock });
    for (let turn = 0; turn < 2_050; turn++) telemetry.finish(finished({ status: 500 }));
    const dropped = telemetry.instruments.telemetryDropped.of({ signal: "span" });
    expect(dropped.value).toBe(2);
    await telemetry.close();
    expect(dropped.value).toBe(2_050);
  });
});

describe("request log", () => {
  it("has a line for every error and for a sample of successes", () => {
    start();
    telemetry.finish(finished({ status: 404, code: "not-found" }));
    telemetry.finish(finished({ status: 500, code: "internal" }));
    telemetry.finish(finished());
    telemetry.finish(finished({ status: 429, code: "rate-limited" }));
    telemetry.finish(finished({ traceId: "0".repeat(32) }));
    expect(lines.map(({ level, fields }) => [level, fields.status])).toEqual([
      ["info", 404],
      ["warn", 500],
      ["info", 200],
    ]);
  });
});

describe("metrics port", () => {
  it("the state of each external system and every failure is there for Prometheus to alert on", async () => {
    start();
    const observer = upstreamMetrics(telemetry.instruments);
    observer.breaker("frmr", "open");
    observer.fault("frmr", "upstream-timeout");
    observer.operation("frmr", "getEmployee", "timeout", 10);
    const address = await telemetry.listen(0, "127.0.0.1");
    const text = await (await fetch(address)).text();
    expect(text).toContain('cabinet_breaker_state{system="frmr"} 2');
    expect(text).toContain('cabinet_upstream_fault_total{system="frmr",code="upstream-timeout"} 1');
    expect(text).toContain(
      'cabinet_upstream_operation_duration_seconds_bucket{system="frmr",operation="getEmployee",outcome="timeout",le="10"} 1',
    );
    expect(text).toMatch(/cabinet_build_info\{version="1.2.3",node="v\d+/);
    expect(text).toMatch(/cabinet_process_resident_memory_bytes \d+/);
    observer.breaker("frmr", "closed");
    expect(await (await fetch(address)).text()).toContain('cabinet_breaker_state{system="frmr"} 0');
    expect((await fetch(address.replace("/metrics", "/"))).status).toBe(404);
  });
});
