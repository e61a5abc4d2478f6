import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identifierKindOf, identifierSystem } from "./canonical.ts";
import { formatSnils, isEnp, isInn, isOgrn, isOid, isSnils, snilsDigits } from "./identifiers.ts";

const digits = (length: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length }).map((d) => d.join(""));

/** A changed single digit must be found: the property that a check digit exists for. */
function findsAnyChangedDigit(good: string, isGood: (text: string) => boolean) {
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice(0, at) + ((Number(good[at]) + 1) % 10) + good.slice(at + 1);
    if (isGood(changed)) return false;
  }
  return true;
}

describe("СНИЛС", () => {
  it.each(["112-233-445 95", "12345678964", "087-654-303 00", "900-000-059 00"])(
    "V-03 %s is accepted",
    (snils) => {
      expect(isSnils(snils)).toBe(true);
    },
  );

  it.each(["112-233-445 96", "1234567896", "12345678964x", "", "123456789640"])(
    "V-03 '%s' is refused",
    (snils) => {
      expect(isSnils(snils)).toBe(false);
    },
  );

  it("V-03 a number up to 001-001-998 carries no check digits and passes", () => {
    expect(isSnils("001-001-998 11")).toBe(true);
    expect(isSnils("001-001-999 11")).toBe(false);
  });

  it("prints with dashes and reads back", () => {
    fc.assert(fc.property(digits(11), (d) => snilsDigits(formatSnils(d)) === d));
  });

  it("V-03 exactly one pair of check digits fits a number above the unchecked range", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_001_999, max: 999_999_999 }), (number) => {
        const stem = String(number).padStart(9, "0");
        const fitting = Array.from({ length: 100 }, (_, c) => stem + String(c).padStart(2, "0")).filter(
          isSnils,
        );
        return fitting.length === 1;
      }),
    );
  });
});

describe("ИНН, ОГРН, ЕНП, OID", () => {
  it.each(["7700000016", "8603243520", "500100732259", "770123456703"])("V-03 ИНН %s", (inn) => {
    expect(isInn(inn)).toBe(true);
    expect(findsAnyChangedDigit(inn, isInn)).toBe(true);
  });

  it("V-03 exactly one pair of check digits fits an ИНН of a person", () => {
    fc.assert(
      fc.property(digits(10), (stem) => {
        const pairs = Array.from({ length: 100 }, (_, c) => stem + String(c).padStart(2, "0"));
        return pairs.filter(isInn).length === 1;
      }),
    );
  });

  it.each(["1027700000008", "1027739054420", "1037734008575", "304770000000008"])("ОГРН %s", (ogrn) => {
    expect(isOgrn(ogrn)).toBe(true);
    expect(isOgrn(`${ogrn.slice(0, -1)}${(Number(ogrn.slice(-1)) + 1) % 10}`)).toBe(false);
  });

  it.each(["7755410837000127", "7755410887000126", "5088789719003453"])("ЕНП %s", (enp) => {
    expect(isEnp(enp)).toBe(true);
    expect(findsAnyChangedDigit(enp, isEnp)).toBe(true);
  });

  it("refuses the published sample ЕНП with a wrong check digit", () => {
    expect(isEnp("6555320880000082")).toBe(false);
  });

  it.each([
    ["1.2.643.5.1.13.13.12.2.77.7823", true],
    ["1.2.643.05", false],
    ["3.1", false],
    ["1", false],
    ["1.2.", false],
  ])("OID %s is %s", (oid, good) => {
    expect(isOid(oid)).toBe(good);
  });
});

describe("identifier systems", () => {
  it("fold every alias to the emitted system", () => {
    expect(identifierKindOf("https://fhir.ru/ig/core/systems/snils")).toBe("snils");
    expect(identifierKindOf("http://fhir.ru/ig/RuSEMD/systems/OMS")).toBe("enp");
    expect(identifierKindOf("urn:identity:ogrn")).toBe("ogrn");
    expect(identifierKindOf(identifierSystem.snils)).toBe("snils");
    expect(identifierKindOf("https://example.org/mrn")).toBeUndefined();
  });
});
