import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CheckedField,
  fieldTitles,
  fromVerificationResult,
  outcomeOf,
  type RegistryFinding,
  resultTitles,
  toVerificationResult,
} from "./outcome.ts";

const one = (...differing: CheckedField[]): RegistryFinding => ({ record: "one", differing });

describe("what a check comes to", () => {
  it.each<[string, RegistryFinding, string, CheckedField[]]>([
    ["every field agrees", one(), "Данные подтверждены", []],
    ["the name was changed", one("family"), "Требуется уточнение", ["family"]],
    ["two small things differ", one("given", "inn"), "Требуется уточнение", ["given", "inn"]],
    ["two records stand under one СНИЛС", { record: "several" }, "Требуется уточнение", ["snils"]],
    ["the record is another person's", one("family", "birthDate"), "Ошибка ввода", ["family", "birthDate"]],
    ["nobody has this СНИЛС", { record: "none" }, "Ошибка ввода", ["snils"]],
  ])("V-21 %s", (_name, finding, title, fields) => {
    const outcome = outcomeOf(finding);
    expect([resultTitles[outcome.result], outcome.fields]).toEqual([title, fields]);
  });

  it("is the same after it was kept as a VerificationResult", () => {
    const fields = fc.subarray(Object.keys(fieldTitles) as CheckedField[]);
    fc.assert(
      fc.property(fields, fc.integer({ min: 0, max: 4e12 }), (differing, at) => {
        const run = { id: "v", personId: "p", at, ...outcomeOf(one(...differing)) };
        expect(fromVerificationResult(toVerificationResult(run))).toEqual(run);
      }),
    );
  });
});
