import { Readable } from "node:stream";
import { encode } from "iconv-lite";
import { describe, expect, it } from "vitest";
import { XmlError } from "./error.ts";
import type { ReadOptions } from "./read.ts";
import { readXml } from "./read.ts";
import { readPlacedRecords, readRecords } from "./records.ts";
import { elementsOf, textOf, type XmlElement } from "./tree.ts";

const file = `<?xml version="1.0" encoding="windows-1251"?>\r\n<!-- выгрузка -->
<ArrayOfEmployee xmlns="http://service.rosminzdrav.ru/MedStaff" version='2.0.11'>
 <Employee n="1"><FIO>Врачев Иван</FIO><Note><![CDATA[a<b]]> &amp; c\r\nd</Note></Employee>
 <Sent>2026-11-21</Sent><?pi data?>
 <Employee n="2"><Employee>inner</Employee></Employee><Employee n="3"/>
</ArrayOfEmployee>
`;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Uint8Array>, options?: ReadOptions) {
  const records: XmlElement[] = [];
  try {
    for await (const record of readRecords(source, "Employee", options)) records.push(record);
  } catch (error) {
    return { records, error: error as XmlError };
  }
  return { records, error: undefined };
}

describe("readRecords", () => {
  const whole = elementsOf(readXml(encode(file, "win1251")), "Employee");

  it.each([1, 2, 3, 7, 64, 100_000])(
    "gives the records of a whole read, in pieces of %i bytes",
    async (size) => {
      expect(await collect(pieces(encode(file, "win1251"), size))).toEqual({
        records: whole,
        error: undefined,
      });
      const utf8 = Buffer.from(`\uFEFF${file.replace("windows-1251", "utf-8")}`);
      expect(await collect(pieces(utf8, size))).toEqual({ records: whole, error: undefined });
      const bare = Buffer.from(file.slice(file.indexOf("<!--")));
      expect((await collect(pieces(bare, size))).records).toEqual(whole);
    },
  );

  it("keeps astral characters and line ends cut anywhere", async () => {
    const text = "<r><Employee>𝒜ё\r\n\r𐀀</Employee></r>";
    for (let size = 1; size < 12; size += 1) {
      const { records } = await collect(pieces(Buffer.from(text), size));
      expect(records.map((each) => textOf(each))).toEqual(["𝒜ё\n\n𐀀"]);
    }
  });

  it("refuses at each cut and each damaged byte what a whole read refuses, at the same place", async () => {
    const bytes = encode(file, "win1251");
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bad of [
        bytes.subarray(0, at),
        damaged(bytes, at, 0x3c),
        damaged(bytes, at, 0x26),
        damaged(bytes, at, 0x98),
      ]) {
        const expected = outcome(() => readXml(bad));
        const { error } = await collect(pieces(bad, 13));
        expect(error?.code, `byte ${at}`).toBe(expected?.code);
        expect(error?.line, `byte ${at}`).toBe(expected?.line);
      }
    }
  });

  it("refuses bytes that are not UTF-8 with their place, after the records before them", async () => {
    const bad = Buffer.concat([
      Buffer.from("<r>\n<Employee/>\n<Employee>ё"),
      Buffer.from([0xff]),
      Buffer.from("</Employee></r>"),
    ]);
    const { records, error } = await collect(
      pieces(Buffer.concat([Buffer.from(`<!--${" ".repeat(2000)}-->`), bad]), 16),
    );
    expect(records).toHaveLength(1);
    expect(error).toMatchObject({ code: "invalid-encoding", line: 3, column: 12 });
  });

  it.each([5, 64, 100_000])(
    "tells where each record's content begins, in pieces of %i bytes",
    async (size) => {
      const at: unknown[] = [];
      const bytes = encode(file, "win1251");
      for await (const record of readPlacedRecords(pieces(bytes, size), "Employee")) at.push(record.at);
      expect(at).toEqual([
        { line: 4, column: 18 },
        { line: 7, column: 18 },
        { line: 7, column: 72 },
      ]);
    },
  );

  it("holds its limits for each record, not for the file", async () => {
    const many = (count: number, record: string) =>
      Readable.from([Buffer.from(`<r>${record.repeat(count)}</r>`)]);
    const limits = { maxBytes: 1000, maxElements: 3 };
    expect((await collect(many(5000, "<Employee><a/><b/></Employee>"), limits)).records).toHaveLength(5000);
    expect((await collect(many(1, "<Employee><a/><b/><c/></Employee>"), limits)).error?.message).toContain(
      "maxElements",
    );
    expect(
      (await collect(many(1, `<Employee>${"x".repeat(1001)}</Employee>`), limits)).error?.message,
    ).toContain("maxBytes");
    expect(
      (await collect(many(1, `<Employee>${"<![CDATA[xxxxx]]><!-- -->".repeat(300)}</Employee>`), limits))
        .error?.message,
    ).toContain("maxBytes");
    expect((await collect(many(1, "<a>".repeat(100_000)), limits)).error?.message).toContain("maxDepth");
  });

  it("gives up on a token without end in bounded time and memory", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("<r><Employee a='");
      for (;;) yield Buffer.alloc(4096, "x");
    }
    const started = performance.now();
    expect((await collect(endless())).error?.message).toContain("maxBytes");
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("stops reading its source when the caller stops", async () => {
    const source = Readable.from(pieces(Buffer.from(`<r>${"<Employee/>".repeat(10_000)}`), 2048));
    for await (const record of readRecords(source, "Employee")) {
      expect(record.name).toBe("Employee");
      break;
    }
    expect(source.destroyed).toBe(true);
  });
});

function damaged(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = byte;
  return copy;
}

function outcome(read: () => unknown): XmlError | undefined {
  try {
    read();
  } catch (error) {
    if (error instanceof XmlError) return error;
    throw error;
  }
  return undefined;
}
