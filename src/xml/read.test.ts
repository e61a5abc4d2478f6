import { describe, expect, it } from "vitest";
import { XmlError } from "./error.ts";
import { type ReadOptions, readXml } from "./read.ts";
import { attributeOf, elementOf, elementsOf, textOf } from "./tree.ts";

const ns = "http://service.rosminzdrav.ru/MedStaff";

const card = `<?xml version="1.0" encoding="windows-1251"?>
<ArrayOfEmployee xmlns="${ns}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" version="2.0.11" system="ARM">
 <Employee>
  <CardRecordList><CardRecord><Care><ID>1</ID></Care><DateBegin>2020-09-01</DateBegin><OrderIn>15-к</OrderIn>
   <Organization><Name>ГБУЗ «Тестовая поликлиника» &amp; К</Name><OID>1.2.643.5.1.13.13.12.2.77.99999</OID></Organization>
   <Wage>1.00</Wage></CardRecord></CardRecordList>
  <General><Name>Иван</Name><Deathdate i:nil="true"/><Sex>Male</Sex></General>
 </Employee>
</ArrayOfEmployee>`;

function windows1251(text: string): Uint8Array {
  return Uint8Array.from(
    [...text].map((character) => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0x80) return code;
      if (character === "«") return 0xab;
      if (character === "»") return 0xbb;
      return code - 0x410 + 0xc0;
    }),
  );
}

function refusal(input: Uint8Array | string, options?: ReadOptions): XmlError {
  try {
    readXml(input, options);
  } catch (error) {
    if (error instanceof XmlError) return error;
    throw error;
  }
  throw new Error("accepted");
}

describe("readXml", () => {
  it("reads a MedStaff card in windows-1251 by its declaration", () => {
    const root = readXml(windows1251(card));
    expect(root).toMatchObject({ name: "ArrayOfEmployee", ns });
    expect(attributeOf(root, "version")).toBe("2.0.11");
    const employee = elementOf(root, "Employee", ns)!;
    const record = elementOf(elementOf(employee, "CardRecordList")!, "CardRecord")!;
    expect(textOf(elementOf(elementOf(record, "Organization")!, "Name")!)).toBe(
      "ГБУЗ «Тестовая поликлиника» & К",
    );
    const death = elementOf(elementOf(employee, "General")!, "Deathdate")!;
    expect(attributeOf(death, "nil", "http://www.w3.org/2001/XMLSchema-instance")).toBe("true");
    expect(elementsOf(employee).map((each) => each.name)).toEqual(["CardRecordList", "General"]);
  });

  it("reads the same tree from UTF-8 bytes with a mark, and from text", () => {
    const text = card.replace("windows-1251", "UTF-8");
    const expected = readXml(windows1251(card));
    expect(readXml(Buffer.from(`\uFEFF${text}`))).toEqual(expected);
    expect(readXml(text)).toEqual(expected);
    expect(readXml(card), "text is decoded already").toEqual(expected);
  });

  it("believes the transport's encoding before the declaration", () => {
    expect(
      textOf(
        readXml(windows1251("<?xml version='1.0' encoding='utf-8'?><a>Да</a>"), { encoding: "windows-1251" }),
      ),
    ).toBe("Да");
  });

  it("refuses other encodings and bytes that are not what is declared", () => {
    expect(refusal(Buffer.from("\uFEFF<a/>", "utf16le")).code).toBe("unsupported-encoding");
    expect(refusal(Buffer.from("<a/>", "utf16le")).code).toBe("unsupported-encoding");
    expect(refusal(Buffer.from("<?xml version='1.0' encoding='koi8-r'?><a/>")).code).toBe(
      "unsupported-encoding",
    );
    expect(refusal(Buffer.from("\uFEFF<?xml version='1.0' encoding='windows-1251'?><a/>")).code).toBe(
      "invalid-encoding",
    );
    expect(
      refusal(Buffer.concat([Buffer.from("<a>\nДа"), Buffer.from([0xd0]), Buffer.from("</a>")])),
    ).toMatchObject({
      code: "invalid-encoding",
      line: 2,
      column: 3,
    });
    expect(
      refusal(
        Buffer.concat([windows1251("<?xml version='1.0' encoding='windows-1251'?><a>"), Buffer.from([0x98])]),
      ),
    ).toMatchObject({
      code: "invalid-encoding",
    });
  });

  it("refuses a DOCTYPE before anything is expanded", () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>`;
    expect(refusal(bomb)).toMatchObject({ code: "doctype", line: 1, column: 22 });
    expect(refusal("<a>&y;</a>").code).toBe("undefined-entity");
  });

  it("holds its limits", () => {
    const deep = (levels: number) => "<a>".repeat(levels) + "</a>".repeat(levels);
    expect(readXml(deep(64)).name).toBe("a");
    expect(refusal(deep(65))).toMatchObject({ code: "limit-exceeded", line: 1, column: 193 });
    expect(refusal(`<a>${"x".repeat(2 * 1024 * 1024)}</a>`).message).toContain("maxBytes");
    expect(refusal(`<a>${"x".repeat(11)}</a>`, { maxTextLength: 10 }).message).toContain("maxTextLength");
    expect(refusal(`<a><![CDATA[${"x".repeat(11)}]]></a>`, { maxTextLength: 10 }).message).toContain(
      "maxTextLength",
    );
    expect(refusal(`<a b="${"x".repeat(11)}"/>`, { maxTextLength: 10 }).message).toContain("maxTextLength");
    expect(refusal(`<a b="" c="" d=""/>`, { maxAttributes: 2 }).message).toContain("maxAttributes");
    expect(refusal(`<a><b/><b/></a>`, { maxElements: 2 }).message).toContain("maxElements");
  });

  it("stops 100,000 levels, a 10 MB text and 100,000 attributes in bounded time", () => {
    const started = performance.now();
    expect(refusal("<a>".repeat(100_000)).code).toBe("limit-exceeded");
    expect(refusal(`<a>${"x".repeat(10_000_000)}</a>`).code).toBe("limit-exceeded");
    const open = { maxBytes: 1e8, maxTextLength: 1e8 };
    expect(textOf(readXml(`<a>${"&amp;x".repeat(2_000_000)}</a>`, open))).toHaveLength(4_000_000);
    expect(readXml("<a>".repeat(10_000) + "</a>".repeat(10_000), { maxDepth: 10_000 }).name).toBe("a");
    const attributes = Array.from({ length: 100_000 }, (_, i) => ` a${i}=""`).join("");
    expect(refusal(`<a${attributes}/>`).message).toContain("maxAttributes");
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("never quotes the document in a message", () => {
    for (const bad of [
      "<a>Секрет",
      "<a>Секрет</Секрет>",
      "<a>&Секрет;</a>",
      "<a Секрет='Секрет' Секрет=''/>",
      "<Секрет:a/>",
    ]) {
      expect(refusal(bad).message).not.toContain("Секрет");
    }
  });

  it("refuses or reads a sample damaged at any byte, with a position", () => {
    const sample = Buffer.from(card.replace("windows-1251", "UTF-8"));
    for (let at = 0; at < sample.length; at += 1) {
      for (const damage of [0x00, 0x20, 0x26, 0x3c, 0x3e, 0xff, (sample[at] ?? 0) ^ 1]) {
        const bytes = Buffer.from(sample);
        bytes[at] = damage;
        positionedOrRead(bytes);
      }
      positionedOrRead(sample.subarray(0, at));
      positionedOrRead(Buffer.concat([sample.subarray(0, at), sample.subarray(at + 1)]));
    }
  });
});

function positionedOrRead(bytes: Uint8Array): void {
  try {
    readXml(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(XmlError);
    expect((error as XmlError).line).toBeGreaterThan(0);
    expect((error as XmlError).column).toBeGreaterThan(0);
  }
}
