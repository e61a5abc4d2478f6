import { readFileSync } from "node:fs";
import type { OperationOutcome } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { codeOf, Door, sandboxPeople } from "../support/door.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";

let gateway: TestGateway;
let door: Door;
let collector: OtlpReceiver;
let healthy: string[];
let asked: string;
beforeAll(async () => {
  const limits = {
    UPSTREAM_TIMEOUT_MS: "1000",
    REQUEST_TIMEOUT_MS: "6000",
    UPSTREAM_QUOTAS: "frmr=1000/1",
  };
  collector = await startOtlpReceiver();
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, TRACE_RATIO: "1", TRACE_SLOW_MS: "60000" };
  gateway = await startGateway({ ...limits, ...traces, DATABASE_URL: await freshDatabase() });
  door = await Door.open(gateway);
  const people = await sandboxPeople(gateway);
  asked = people.get("doctor")!;
  healthy = [...people].filter(([id]) => id.startsWith("worker-")).map(([, snils]) => snils);
  await answersOthers(8);
});
afterAll(async () => {
  await gateway?.remove();
  collector?.close();
});

/** ФРМР is asked for workers that the cache doesn't hold; this also keeps the breaker's share of failures low */
async function answersOthers(count: number): Promise<void> {
  for (const snils of healthy.splice(0, count)) expect((await door.search(snils)).status).toBe(200);
}

const play = (scenario: string) => door.search<OperationOutcome>(asked, {}, { "x-scenario": scenario });

describe("ФРМР misbehaves", () => {
  it.each([
    ["malformed", 502, "upstream-malformed"],
    ["wrong-schema", 502, "upstream-wrong-shape"],
    ["wrong-namespace", 502, "upstream-wrong-shape"],
    ["entity-bomb", 502, "upstream-malformed"],
    ["deep-nesting", 502, "upstream-too-large"],
    ["huge-answer", 502, "upstream-too-large"],
    ["internal-fault", 503, "upstream-unavailable"],
    ["html-502", 503, "upstream-unavailable"],
    ["error-500", 503, "upstream-unavailable"],
    ["reset", 503, "upstream-unavailable"],
  ])("%s becomes %i %s, and the next caller is answered", async (scenario, status, code) => {
    const reply = await play(scenario);
    expect([reply.status, codeOf(reply.body)]).toEqual([status, code]);
    expect(reply.tookMs).toBeLessThan(6_500);
    await answersOthers(6);
  });

  it.each(["hang", "slow"])("I-02 %s becomes a time-out within the budget", async (scenario) => {
    const reply = await play(scenario);
    expect([reply.status, codeOf(reply.body)]).toEqual([504, "upstream-timeout"]);
    expect(reply.tookMs).toBeLessThan(6_500);
    await answersOthers(6);
  });

  it("an outage, a limit and a time-out are told apart, with the time to come back", async () => {
    const replies = [];
    for (const scenario of ["unavailable-retry-after", "rate-limit", "hang"]) {
      replies.push(await play(scenario));
      // a Retry-After holds everybody back: the time that the system asked for is waited out
      await expect.poll(async () => (await play("clock-skew")).status, { timeout: 5_000 }).toBe(200);
    }
    const [outage, limit, timeout] = replies;
    expect(replies.map(({ body }) => codeOf(body))).toEqual([
      "upstream-unavailable",
      "upstream-rate-limited",
      "upstream-timeout",
    ]);
    expect(Number(outage?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(Number(limit?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(timeout?.headers.get("retry-after")).toBeNull();
  });

  it("an answer whose clock is an hour behind is used", async () => {
    expect((await play("clock-skew")).status).toBe(200);
  });

  it("costs the gateway a bounded amount of memory", () => {
    const status = readFileSync(`/proc/${gateway.server.pid}/status`, "utf8");
    const peakMegabytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    expect(peakMegabytes).toBeLessThan(600);
  });
});

describe("telemetry of an outage", () => {
  const kept = (reason: string) => gateway.metric(`cabinet_telemetry_traces_kept_total{reason="${reason}"}`);
  const order = (scenario: string, times: number) =>
    fetch(`${gateway.sandboxUrl}/_scenario`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ system: "frmr", scenario, times }),
    });

  it("a read that a second attempt saved is kept as a fault, its attempts told apart", async () => {
    const before = await kept("fault");
    await order("error-500", 1);
    await answersOthers(1);
    await expect.poll(() => kept("fault")).toBe(before + 1);
    const attempts = () => collector.spans.filter(({ name }) => name === "attempt frmr/getEmployee");
    await expect
      .poll(() => attempts().map(({ attributes }) => attributes), { timeout: 15_000 })
      .toContainEqual({
        "error.type": "upstream-unavailable",
        "cabinet.system": "frmr",
        "cabinet.operation": "getEmployee",
        "cabinet.attempt": 1,
        "cabinet.breaker": "closed",
      });
    expect(attempts().map(({ attributes }) => attributes["cabinet.attempt"])).toContain(2);
    expect(await kept("sample")).toBeGreaterThan(10);
  });

  it("its calls under way, its quota and the work of the jobs are metrics", async () => {
    const inFlight = () => gateway.metric('cabinet_upstream_inflight{system="frmr"}');
    const pending = play("hang");
    await expect.poll(inFlight).toBe(1);
    await pending;
    await expect.poll(inFlight).toBe(0);
    expect(await gateway.metric('cabinet_quota_limit{system="frmr"}')).toBe(1_000);
    expect(await gateway.metric('cabinet_quota_remaining{system="frmr"}')).toBeGreaterThan(0);
    for (const code of ["upstream-malformed", "upstream-timeout"])
      expect(await gateway.metric(`cabinet_http_server_errors_total{code="${code}"}`)).toBeGreaterThan(0);
    const recent = Date.now() / 1_000 - 600;
    expect(await gateway.metric("cabinet_journal_sealed_timestamp_seconds")).toBeGreaterThan(recent);
    const misses = 'cabinet_cache_requests_total{cache="frmr.getEmployee",result="miss"}';
    expect(await gateway.metric(misses)).toBeGreaterThan(10);
  });

  it("the refusals of an open breaker leave few lines, and their traces are a sample", async () => {
    await order("error-500", 1_000);
    await expect
      .poll(async () => (await door.search(asked)).status && (await breakerState()), { timeout: 20_000 })
      .toBe(2);
    const [errors, lines] = [await kept("error"), linesOf(gateway)];
    for (let turn = 0; turn < 20; turn++)
      await Promise.all(Array.from({ length: 10 }, () => door.search(asked)));
    expect((await kept("error")) - errors).toBeLessThan(10);
    expect(linesOf(gateway) - lines).toBeLessThan(20);
    await fetch(`${gateway.sandboxUrl}/_scenario`, { method: "DELETE" });
  });

  const breakerState = () => gateway.metric('cabinet_breaker_state{system="frmr"}');
  const linesOf = ({ server }: TestGateway) => server.output.split("\n").length;
});
