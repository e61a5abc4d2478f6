import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { encode } from "iconv-lite";
import { describe, expect, it } from "vitest";
import { convertMedStaff, type FileRecord } from "./med-staff-file.ts";

const folder = new URL("../../../mappings/frmr/person/fixtures/", import.meta.url);
const read = (name: string, file: string) => readFileSync(new URL(`${name}/${file}`, folder), "utf8");
const moment = { asOf: "2026-11-21T09:00:00.000Z", today: "2026-11-21" };

const recordOf = (name: string) => {
  const text = read(name, "input.xml");
  return text.slice(text.indexOf("<Employee>"), text.lastIndexOf("</Employee>") + "</Employee>".length);
};
const fileOf = (records: readonly string[], encoding = "utf-8") =>
  `<?xml version="1.0" encoding="${encoding}"?>
<ArrayOfEmployee xmlns="http://service.rosminzdrav.ru/MedStaff" version="2.0.11">
${records.join("\n")}
</ArrayOfEmployee>`;

async function convert(bytes: Uint8Array): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  for await (const record of convertMedStaff(Readable.from([bytes]), moment)) found.push(record);
  return found;
}

const bundles = (records: readonly FileRecord[]) =>
  records.flatMap((record) => ("bundle" in record ? [record.bundle] : []));
const problems = (records: readonly FileRecord[]) =>
  records.flatMap((record) => ("bundle" in record ? [] : [record]));
const lineOf = (text: string, record: number) =>
  text.split("<Employee>").slice(0, record).join("<Employee>").split("\n").length;

const names = ["one-job", "nurse", "retrained"];
const expected = names.map((name) => JSON.parse(read(name, "expected.json")));

describe("a MedStaff file", () => {
  it.each(["utf-8", "windows-1251"])("becomes a Bundle a record, in %s", async (encoding) => {
    const text = fileOf(names.map(recordOf), encoding);
    const bytes = encoding === "utf-8" ? Buffer.from(text) : encode(text, "win1251");
    expect(bundles(await convert(bytes))).toEqual(expected);
  });

  it.each([
    ["a day that is none", /(?<=<Birthdate>)[^<]*/, "2020-02-31", "upstream-wrong-shape"],
    ["a decimal comma", /(?<=<Wage>)[^<]*/, "0,75", "upstream-wrong-shape"],
    ["an unknown code", /(?<=<Sex>)[^<]*/, "Unknown", "unmapped-code"],
    ["a missing element", /<Surname>.*<\/Surname>/, "", "upstream-wrong-shape"],
    ["another namespace", "<Employee>", '<Employee xmlns="urn:other">', "unexpected-element"],
    ["an element named __proto__", "<FIO>", "<__proto__>x</__proto__><FIO>", "forbidden-name"],
    ["an element that stands twice", /(<FIO>.*<\/FIO>)/, "$1$1", "repeated-element"],
  ])("with %s in the middle tells its number and line, and goes on", async (...[, text, instead, code]) => {
    const bad = recordOf("nurse").replace(text, instead);
    expect(bad).not.toBe(recordOf("nurse"));
    const file = fileOf([recordOf("one-job"), bad, recordOf("retrained")]);
    const records = await convert(Buffer.from(file));
    expect(bundles(records)).toEqual([expected[0], expected[2]]);
    const line = lineOf(file.replace('<Employee xmlns="urn:other">', "<Employee>"), 2);
    expect(problems(records)).toMatchObject([{ record: 2, at: { line }, code }]);
    expect(JSON.stringify(problems(records))).not.toMatch(/2020-02-31|0,75|Unknown/);
  });

  it("that stops being XML gives the whole records before, then the place", async () => {
    const file = fileOf([recordOf("one-job"), recordOf("nurse").replace("</General>", "</Generic>")]);
    const records = await convert(Buffer.from(file));
    expect(bundles(records)).toEqual([expected[0]]);
    const line = file.slice(0, file.indexOf("</Generic>")).split("\n").length;
    expect(problems(records)).toMatchObject([{ record: 0, at: { line }, code: "mismatched-tag" }]);
  });

  it("with a record over the limit ends there, in bounded memory", async () => {
    const huge = recordOf("nurse").replace(/(?<=<Surname>)[^<]*/, "я".repeat(10_000_000));
    const before = process.memoryUsage().rss;
    const records = await convert(Buffer.from(fileOf([recordOf("one-job"), huge])));
    expect(bundles(records)).toHaveLength(1);
    expect(problems(records)).toMatchObject([{ record: 0, code: "limit-exceeded" }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});
