import { describe, expect, it } from "vitest";
import { drive, readOperation, steps, testContext, testUpstream } from "../../test/support/upstream.ts";
import { ManualClock } from "../core/clock.ts";
import type { GatewayError } from "../core/errors.ts";
import { MappingError } from "../fml/errors.ts";
import { XmlError } from "../xml/error.ts";
import { WireFailure } from "./wire-failure.ts";

describe("errors of lower floors", () => {
  const site = { map: "m", position: { line: 1, column: 1 }, rule: "r", sourcePath: "a", targetPath: "b" };
  it.each([
    [new MappingError("unmapped-code", site, "code"), "unmapped-code"],
    [new MappingError("bad-value", site, "date"), "mapping-failed"],
    [new WireFailure("too-large", "over"), "upstream-too-large"],
    [new TypeError("a bug of ours"), "internal"],
    [new XmlError("limit-exceeded", "over the limit maxDepth"), "upstream-too-large"],
    [new XmlError("unexpected-element", "in another namespace"), "upstream-wrong-shape"],
    [new XmlError("doctype", "a DOCTYPE is refused"), "upstream-malformed"],
  ])("%s is told as %s", async (thrown, code) => {
    const clock = new ManualClock();
    const { upstream } = testUpstream(clock);
    const codec = steps<string>(() => {
      throw thrown;
    });
    const call = upstream.call(readOperation, undefined, codec, testContext(clock));
    const error = await drive(clock, call).catch((caught: GatewayError) => caught);
    expect(error).toMatchObject({ code, system: "registry" });
    expect(codec.sent).toBe(1);
  });
});
