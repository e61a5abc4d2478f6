import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coversScope, parseScope, permits, type Scope } from "./scopes.ts";

const scopes = (...texts: string[]) => texts.map((text) => parseScope(text)).filter((s): s is Scope => !!s);

describe("SMART scopes", () => {
  it("read both generations of the grammar", () => {
    expect(parseScope("system/Practitioner.rs")).toEqual({
      level: "system",
      type: "Practitioner",
      interactions: "rs",
    });
    expect(parseScope("user/*.read")?.interactions).toBe("rs");
    expect(parseScope("system/*.*")?.interactions).toBe("cruds");
  });

  it.each([
    "system/Practitioner.",
    "system/practitioner.rs",
    "system/Practitioner.sr",
    "Practitioner.rs",
    "openid",
  ])("refuse '%s'", (text) => {
    expect(parseScope(text)).toBeUndefined();
  });

  it("a wildcard covers a type, a type never covers another", () => {
    expect(coversScope(scopes("system/*.rs"), scopes("system/Patient.r")[0]!)).toBe(true);
    expect(coversScope(scopes("system/Patient.rs"), scopes("system/*.r")[0]!)).toBe(false);
    expect(coversScope(scopes("user/*.rs"), scopes("system/Patient.r")[0]!)).toBe(false);
  });

  it.each(["user", "patient"])("a %s scope opens nothing system-wide", (level) => {
    expect(permits(scopes("system/Patient.rs"), "Patient", "r")).toBe(true);
    expect(permits(scopes(`${level}/Patient.rs`, `${level}/*.rs`), "Patient", "r")).toBe(false);
  });

  it("adding a scope never takes a right away", () => {
    const texts = fc.constantFrom(
      "system/Patient.r",
      "system/*.s",
      "system/Practitioner.cruds",
      "user/Task.u",
    );
    fc.assert(
      fc.property(fc.array(texts), texts, fc.constantFrom(..."cruds"), (held, added, letter) => {
        const before = permits(scopes(...held), "Patient", letter);
        return !before || permits(scopes(...held, added), "Patient", letter);
      }),
    );
  });
});
