import { describe, expect, it } from "vitest";
import { GatewayError } from "../core/errors.ts";
import { mergedSources, orUnavailable } from "./partial.ts";

describe("a block of an answer", () => {
  it("of a dead system is empty and says when to come back", async () => {
    const dead = Promise.reject(new GatewayError("upstream-unavailable", { system: "nsi", retryAfter: 7 }));
    expect(await orUnavailable("nsi", dead)).toEqual({
      value: undefined,
      sources: [{ system: "nsi", status: "unavailable", retryAfter: 7 }],
    });
    const silent = Promise.reject(new GatewayError("upstream-timeout", { system: "nsi" }));
    expect((await orUnavailable("nsi", silent)).sources[0]?.retryAfter).toBeGreaterThan(0);
  });

  it("that a system knows nothing of is no failure of the system", async () => {
    const unknown = Promise.reject(new GatewayError("organization-not-found", { system: "frmo" }));
    expect((await orUnavailable("frmo", unknown)).sources).toEqual([{ system: "frmo", status: "fresh" }]);
  });

  it("fails with an error of ours or of another system", async () => {
    const other = new GatewayError("upstream-unavailable", { system: "frmr" });
    for (const error of [new GatewayError("store-unavailable"), other, new TypeError("bug")])
      await expect(orUnavailable("nsi", Promise.reject(error))).rejects.toBe(error);
  });
});

describe("sources of an answer", () => {
  it("name each system once, by its worst and oldest part", () => {
    expect(
      mergedSources([
        { system: "frmo", status: "fresh", asOf: 20 },
        { system: "nsi", status: "cached", asOf: 5 },
        { system: "frmo", status: "unavailable", retryAfter: 9 },
        { system: "frmo", status: "cached", asOf: 10 },
      ]),
    ).toEqual([
      { system: "frmo", status: "unavailable", asOf: 10, retryAfter: 9 },
      { system: "nsi", status: "cached", asOf: 5 },
    ]);
  });
});
