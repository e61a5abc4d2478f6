import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { isGatewayError } from "../../core/errors.ts";
import { MappingError } from "../../fml/errors.ts";
import { loadMapping } from "../../fml/loader.ts";
import type { Mapping } from "../../fml/module.ts";
import { classify } from "../../upstream/classify.ts";
import { decode, detectEncoding } from "../../xml/decode.ts";
import { XmlError } from "../../xml/error.ts";
import { employeesOf } from "./answer.ts";

const folder = new URL("../../../mappings/frmr/person/", import.meta.url);
const records = readFileSync(new URL("fixtures/nurse/input.xml", folder), "utf8").replace(
  /^<\?xml.*\?>\s*/,
  "",
);
const soap = "http://schemas.xmlsoap.org/soap/envelope/";
const answer = `<s:Envelope xmlns:s="${soap}"><s:Body><r:getEmployeeResponse xmlns:r="urn:r">${records}</r:getEmployeeResponse></s:Body></s:Envelope>`;
const asked = { asOf: "2026-11-21T09:00:00.000Z", today: "2026-11-21" };

let toFhir: Mapping;
beforeAll(async () => {
  toFhir = await loadMapping(new URL("to-fhir.fml", folder));
}, 30_000);

const convert = (text: string) =>
  employeesOf(text).map((employee) => toFhir.convert({ ...asked, Employee: employee }));

/** What a conversion throws; undefined when it throws nothing. */
function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const codeOf = (text: string) =>
  classify(
    failureOf(() => convert(text)),
    "frmr",
  ).error.code;
const kinds = (error: unknown) =>
  isGatewayError(error) || error instanceof XmlError || error instanceof MappingError;

describe("an answer of ФРМР", () => {
  it("damaged at each byte is converted or refused by a coded error, soon", () => {
    const bytes = Buffer.from(answer);
    const began = performance.now();
    for (let at = 0; at < bytes.length; at += 1) {
      const copy = Buffer.from(bytes);
      copy[at] = [0x3c, 0x00, 0x31, 0xff][at % 4] ?? 0;
      const failure = failureOf(() => convert(decode(copy, detectEncoding(copy))));
      expect(failure === undefined || kinds(failure), `byte ${at}: ${failure}`).toBe(true);
    }
    expect(performance.now() - began).toBeLessThan(30_000);
  }, 60_000);

  it("cut anywhere is refused with its place", () => {
    for (let length = 0; length < answer.length; length += 7) {
      const failure = failureOf(() => convert(answer.slice(0, length)));
      expect(failure, `cut at ${length}`).toBeInstanceOf(XmlError);
      expect((failure as XmlError).line, `cut at ${length}`).toBeGreaterThan(0);
    }
  });

  it.each([
    ["in another namespace", "rosminzdrav.ru/MedStaff", "example.org/x", "upstream-wrong-shape"],
    ["in another envelope", soap, "http://www.w3.org/2003/05/soap-envelope", "upstream-wrong-shape"],
    ["without a required element", /<SNILS>.*<\/SNILS>/, "", "upstream-wrong-shape"],
    ["with an element in place of text", "<Surname>", "<Surname><B/>", "upstream-wrong-shape"],
    ["with a day that is none", /(?<=<Birthdate>)[^<]*/, "1981-02-31", "upstream-wrong-shape"],
    ["with 29.02 of no leap year", /(?<=<Birthdate>)[^<]*/, "1981-02-29", "upstream-wrong-shape"],
    ["with a Russian date", /(?<=<Birthdate>)[^<]*/, "31.12.1981", "upstream-wrong-shape"],
    ["with a decimal comma", /(?<=<Wage>)[^<]*/, "1,00", "upstream-wrong-shape"],
    ["with an unknown code", /(?<=<Sex>)[^<]*/, "Other", "unmapped-code"],
    ["with an element named __proto__", "<FIO>", "<__proto__><x/></__proto__><FIO>", "upstream-malformed"],
    ["with 10 MB of text", /(?<=<Surname>)[^<]*/, "я".repeat(10_000_000), "upstream-too-large"],
    ["with a DOCTYPE", /^/, '<!DOCTYPE x [<!ENTITY e "x">]>', "upstream-malformed"],
  ])("%s has its own code", (...[, text, instead, code]) => {
    const bad = answer.replace(text, instead);
    expect(bad).not.toBe(answer);
    const began = performance.now();
    expect(codeOf(bad)).toBe(code);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("with an unknown code names both paths, the rule and the line, and not the code", () => {
    const failure = failureOf(() => convert(answer.replace(/(?<=<Sex>)[^<]*/, "Secret")));
    expect(failure).toMatchObject({
      code: "unmapped-code",
      site: {
        map: "FrmrPersonToFhir",
        rule: "gender",
        sourcePath: "employee.General.Sex",
        targetPath: "practitioner.gender",
      },
    });
    expect(String(failure)).not.toContain("Secret");
  });
});
