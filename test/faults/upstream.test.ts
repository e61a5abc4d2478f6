import { readFileSync } from "node:fs";
import type { OperationOutcome } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { codeOf, Door, sandboxPeople } from "../support/door.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
let door: Door;
let healthy: string[];
let asked: string;
beforeAll(async () => {
  const limits = { UPSTREAM_TIMEOUT_MS: "1000", REQUEST_TIMEOUT_MS: "6000" };
  gateway = await startGateway({ ...limits, DATABASE_URL: await freshDatabase() });
  door = await Door.open(gateway);
  const people = await sandboxPeople(gateway);
  asked = people.get("doctor")!;
  healthy = [...people].filter(([id]) => id.startsWith("worker-")).map(([, snils]) => snils);
  await answersOthers(8);
});
afterAll(() => gateway?.remove());

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
