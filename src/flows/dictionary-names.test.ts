import type { CodeSystem } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/support/upstream.ts";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { DictionaryNames } from "./dictionary-names.ts";

const ctx = testContext(new ManualClock());
const oid = "1.2.643.5.1.13.13.11.1002";

function dictionary(): CodeSystem & { reads: number } {
  const concept = [{ code: "109", display: "Врач-терапевт" }, { code: "1" }];
  const counted = {
    resourceType: "CodeSystem" as const,
    status: "active" as const,
    content: "complete" as const,
    reads: 0,
    get concept() {
      counted.reads += 1;
      return concept;
    },
  };
  return counted;
}

describe("names of codes", () => {
  it("come from the dictionary, which is read once per cached answer", async () => {
    const cached = dictionary();
    const asked: unknown[] = [];
    const names = new DictionaryNames({
      codeSystem: async (...question) => {
        asked.push(question.slice(0, 2));
        return { value: cached, source: { system: "nsi", status: "cached", asOf: 1 } };
      },
    });
    const first = await names.of(oid, ctx);
    expect(first.value.get("109")).toBe("Врач-терапевт");
    expect([first.value.get("1"), first.value.get("2")]).toEqual([undefined, undefined]);
    expect(first.sources).toEqual([{ system: "nsi", status: "cached", asOf: 1 }]);
    await names.of(oid, ctx);
    expect(cached.reads).toBe(1);
    expect(asked).toEqual([
      [oid, undefined],
      [oid, undefined],
    ]);
  });

  it("are missing when НСИ is down, and the answer says so", async () => {
    const names = new DictionaryNames({
      codeSystem: () =>
        Promise.reject(new GatewayError("upstream-unavailable", { system: "nsi", retryAfter: 3 })),
    });
    const { value, sources } = await names.of(oid, ctx);
    expect(value.size).toBe(0);
    expect(sources).toEqual([{ system: "nsi", status: "unavailable", retryAfter: 3 }]);
  });
});
