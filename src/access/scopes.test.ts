import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coversScope, parseScope, permits, queriesOf, type Scope } from "./scopes.ts";

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

  it("a granular scope opens what its query finds, and covers nothing wider", () => {
    const laboratory = "system/Observation.rs?category=laboratory";
    expect(parseScope(laboratory)?.query).toBe("category=laboratory");
    expect(queriesOf(scopes(laboratory), "Observation", "s")).toEqual(["category=laboratory"]);
    expect(queriesOf(scopes(laboratory), "Condition", "s")).toBeUndefined();
    expect(permits(scopes(laboratory), "Observation", "s")).toBe(false);
    expect(queriesOf(scopes(laboratory, "system/Observation.r"), "Observation", "r")).toEqual([]);
    const [asked] = scopes(laboratory);
    expect(coversScope(scopes("system/*.rs"), asked!)).toBe(true);
    expect(coversScope(scopes(laboratory), asked!)).toBe(true);
    expect(coversScope(scopes(laboratory), scopes("system/Observation.rs")[0]!)).toBe(false);
    expect(coversScope(scopes("system/Observation.rs?category=vital"), asked!)).toBe(false);
  });

  it.each(["system/*.rs?category=x", "system/Observation.cruds?category=x", "system/Observation.rs?"])(
    "refuses the granular scope '%s'",
    (text) => {
      expect(parseScope(text)).toBeUndefined();
    },
  );

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
