import { afterAll, describe, expect, it, vi } from "vitest";
import { createInstruments } from "./instruments.ts";
import { declareLabel, otherLabel, statusLabel } from "./labels.ts";
import { Metrics } from "./metrics.ts";

// the random names below fill the process's table of names: the worker's next file gets another
afterAll(() => vi.resetModules());

describe("labels", () => {
  it("a text that could name a person never becomes a label", () => {
    for (const text of [
      "Иванов",
      "11223344595",
      "/fhir/Patient/112-233-445 95/x?identifier=1",
      "a".repeat(121),
    ])
      expect(declareLabel(text)).toBe(otherLabel);
    expect(declareLabel("/fhir/Practitioner/:id")).toBe("/fhir/Practitioner/:id");
  });

  it("statuses that operators tell apart keep their number, others their class", () => {
    expect([200, 204, 302, 400, 404, 429, 500, 503, 799].map(statusLabel)).toEqual([
      "2xx",
      "2xx",
      "3xx",
      "4xx",
      "404",
      "429",
      "5xx",
      "503",
      "other",
    ]);
  });
});

describe("metrics", () => {
  it("a string of a request does not compile as a label, and at run time folds into other", () => {
    const metrics = new Metrics();
    const counter = metrics.counter({ name: "c_total", help: "h", labels: { reason: ["rate", "body"] } });
    const fromRequest: string = "11223344595";
    // @ts-expect-error a plain string is not a label value
    counter.of({ reason: fromRequest }).value++;
    counter.of({ reason: "rate" }).value++;
    expect(counter.series.map(({ attributes, value }) => [attributes.reason, value])).toEqual([
      ["rate", 1],
      ["other", 1],
    ]);
  });

  it("10,000 random paths, systems and codes add no series past the ceilings, and the rest is counted", () => {
    const metrics = new Metrics();
    const { requestSeconds, faults, operationSeconds } = createInstruments(metrics);
    for (let turn = 0; turn < 10_000; turn++) {
      const random = Math.random().toString(36).slice(2, 9);
      const system = declareLabel(random);
      requestSeconds
        .of({
          http_request_method: "GET",
          http_route: declareLabel(`/${random}`),
          http_response_status_code: "2xx",
          slo: "read",
        })
        .observe(0.01);
      faults.of({ system, code: random as "internal" }).value++;
      operationSeconds.of({ system, operation: system, outcome: "ok" }).observe(1);
    }
    expect(requestSeconds.series.length).toBeLessThanOrEqual(3_001);
    expect(faults.series.length).toBe(1);
    expect(operationSeconds.series.length).toBeLessThanOrEqual(801);
    const overflow = metrics.families.find(({ name }) => name === "telemetry_overflow_total")?.read() ?? [];
    expect(overflow.map(({ attributes }) => attributes.metric)).toContain("upstream_fault_total");
  });

  it("an instrument with open labels must state its ceiling", () => {
    const metrics = new Metrics();
    expect(() => metrics.counter({ name: "x_total", help: "h", labels: { route: "declared" } })).toThrow(
      /ceiling/,
    );
  });

  it("a histogram counts each value in the bucket of its upper bound", () => {
    const metrics = new Metrics();
    const series = metrics.histogram({ name: "h_seconds", help: "h", bounds: [1, 2] }).of({});
    for (const value of [0.5, 1, 1.5, 2, 3]) series.observe(value);
    expect([...series.counts]).toEqual([2, 2, 1]);
    expect(series.sum).toBe(8);
  });
});
