import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { type ClosableLogger, createLogger } from "./log.ts";

const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
let clock: ManualClock;
let log: ClosableLogger;
beforeEach(() => {
  lines.length = 0;
  clock = new ManualClock();
  log = createLogger({ level: "info", version: "0.0.0", clock, destination });
});

const failed = (system: string, request_id: string) =>
  log.warn({ system, code: "upstream-unavailable", request_id }, "upstream call failed");

describe("failures that repeat", () => {
  it("an outage leaves five lines, then one in ten seconds that tells how many it stands for", async () => {
    for (let turn = 1; turn <= 200; turn++) failed("frmr", `r${turn}`);
    expect(lines).toHaveLength(5);
    await clock.advance(10_000);
    expect(lines).toHaveLength(6);
    expect(lines[5]).toMatchObject({ level: "warn", system: "frmr", request_id: "r200", suppressed: 194 });
    await clock.advance(60_000);
    expect(lines).toHaveLength(6);
    failed("frmr", "again");
    expect(lines[6]).toMatchObject({ request_id: "again" });
    expect(lines[6]).not.toHaveProperty("suppressed");
  });

  it("one system's outage, code or message hides no other's", () => {
    for (let turn = 0; turn < 50; turn++) failed("frmr", `r${turn}`);
    failed("nsi", "other system");
    log.warn({ system: "frmr", code: "upstream-timeout" }, "upstream call failed");
    log.warn({ system: "frmr", code: "upstream-unavailable" }, "sign-in goes on");
    log.warn({ error: new GatewayError("internal") }, "claim not released");
    log.info({ ground: "break-glass" }, "unusual access");
    expect(lines).toHaveLength(10);
  });

  it("lines that tell of no failure all pass", () => {
    for (let turn = 0; turn < 50; turn++) log.info({ route: "/fhir/Patient" }, "request");
    expect(lines).toHaveLength(50);
  });

  it("what is held back is written at the end", () => {
    for (let turn = 0; turn < 9; turn++) failed("frmr", `r${turn}`);
    log.close();
    expect(lines[5]).toMatchObject({ request_id: "r8", suppressed: 3 });
    expect(clock.sleeping).toBe(0);
  });
});
