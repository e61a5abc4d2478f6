import fc from "fast-check";
import { encode } from "iconv-lite";
import { describe, expect, it } from "vitest";
import { XmlError } from "./error.ts";
import { fromObject } from "./from-object.ts";
import type { XmlModel } from "./model.ts";
import { toObject } from "./object.ts";
import { readXml } from "./read.ts";
import type { XmlElement } from "./tree.ts";
import { encodeXml, writeXml } from "./write.ts";

const bare = { declaration: false };

function element(name: string, rest: Partial<XmlElement> = {}): XmlElement {
  return { name, ns: "", attrs: [], children: [], ...rest };
}

function refusal(tree: XmlElement): string {
  try {
    writeXml(tree);
  } catch (error) {
    if (error instanceof XmlError) return error.code;
    throw error;
  }
  return "written";
}

describe("writeXml", () => {
  it("writes what was read, byte for byte where no choice is left", () => {
    const text = `<s:Envelope xmlns:s="urn:soap" xmlns="urn:x"><s:Body a="1" s:b="&lt;&quot;&#xA;"><c>1 &amp; 2 &gt; 1</c> <d xmlns=""/></s:Body></s:Envelope>`;
    expect(writeXml(readXml(text), bare)).toBe(text);
    expect(writeXml(readXml(text))).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
  });

  it("declares namespaces where they are needed, once", () => {
    const inner = element("b", { ns: "urn:x", children: [element("c")] });
    const tree = element("a", {
      ns: "urn:x",
      attrs: [{ name: "t", ns: "urn:y", value: "" }],
      children: [inner],
    });
    expect(writeXml(tree, bare)).toBe(`<a xmlns="urn:x" xmlns:ns1="urn:y" ns1:t=""><b><c xmlns=""/></b></a>`);
    const prefixes = new Map([
      ["urn:x", "x"],
      ["urn:y", "y"],
    ]);
    expect(writeXml(tree, { ...bare, prefixes })).toBe(
      `<x:a xmlns:x="urn:x" xmlns:y="urn:y" y:t=""><x:b><c/></x:b></x:a>`,
    );
  });

  it("never takes the default namespace for an attribute, nor a prefix that means something else", () => {
    const tree = element("a", {
      ns: "urn:x",
      prefix: "p",
      attrs: [
        { name: "b", ns: "urn:x", value: "1" },
        { name: "b", ns: "urn:y", value: "2", prefix: "p" },
        { name: "lang", ns: "http://www.w3.org/XML/1998/namespace", value: "ru" },
      ],
    });
    expect(readXml(writeXml(tree)).attrs.map(({ name, ns, value }) => [name, ns, value])).toEqual([
      ["b", "urn:x", "1"],
      ["b", "urn:y", "2"],
      ["lang", "http://www.w3.org/XML/1998/namespace", "ru"],
    ]);
  });

  it("writes windows-1251, with references for what it lacks", () => {
    const tree = element("а", {
      attrs: [{ name: "б", ns: "", value: "№ 𝒜" }],
      children: ["Ёж — «ё» € ☺ ^]-\\"],
    });
    const bytes = encodeXml(tree, "windows-1251");
    expect(bytes).toEqual(
      encode(
        `<?xml version="1.0" encoding="windows-1251"?>\n<а б="№ &#x1D49C;">Ёж — «ё» € &#x263A; ^]-\\</а>`,
        "win1251",
      ),
    );
    expect(readXml(bytes)).toMatchObject({ attrs: tree.attrs, children: tree.children });
    expect(() => encodeXml(element("☺"), "windows-1251")).toThrow(XmlError);
    expect(() => encodeXml(element("ÿ"), "windows-1251")).toThrow("windows-1251");
    expect(readXml(encodeXml(tree, "utf-8"))).toMatchObject({ attrs: tree.attrs, children: tree.children });
  });

  it("refuses what no document may hold, and never quotes it", () => {
    expect(refusal(element("a", { children: ["\u0000"] }))).toBe("invalid-character");
    expect(refusal(element("a", { children: ["\ud800"] }))).toBe("invalid-character");
    expect(refusal(element("a", { attrs: [{ name: "b", ns: "", value: "\ufffe" }] }))).toBe(
      "invalid-character",
    );
    for (const name of ["", "1a", "a b", "a:b", "a>", "-a", "xmlns=''"])
      expect(refusal(element(name))).toBe("invalid-name");
    expect(refusal(element("a", { attrs: [{ name: "b c", ns: "", value: "" }] }))).toBe("invalid-name");
    const twice = { name: "b", ns: "", value: "" };
    expect(refusal(element("a", { attrs: [twice, twice] }))).toBe("duplicate-attribute");
    expect(refusal(element("a", { namespaces: [["p", ""]] }))).toBe("invalid-namespace");
    expect(refusal(element("a", { namespaces: [["", "u"]] }))).toBe("invalid-namespace");
    expect(refusal(element("a", { namespaces: [["p q", "u"]] }))).toBe("invalid-name");
    expect(
      refusal(
        element("a", {
          namespaces: [
            ["p", "u"],
            ["p", "v"],
          ],
        }),
      ),
    ).toBe("invalid-namespace");
    const endless = { ...element("a"), children: [] as XmlElement[] };
    endless.children.push(endless);
    expect(refusal(endless)).toBe("limit-exceeded");
  });

  it("writes any tree so that it reads as the same tree", () => {
    const name = fc.constantFrom("a", "b", "имя", "x-1.y", "𐀀");
    const ns = fc.constantFrom("", "urn:x", "urn:y", 'urn: &"<\n');
    const prefix = fc.constantFrom(undefined, "", "p", "q");
    const text = fc.string({ unit: fc.constantFrom(..."ab &<>\"'\r\n\tё☺𝒜]") });
    const attr = fc.record({ name, ns, prefix, value: text }, { requiredKeys: ["name", "ns", "value"] });
    const { tree } = fc.letrec<{ tree: XmlElement }>((tie) => ({
      tree: fc.record({
        name,
        ns,
        prefix,
        attrs: fc.uniqueArray(attr, { maxLength: 4, selector: (each) => `${each.ns} ${each.name}` }),
        children: fc.array(fc.oneof({ maxDepth: 4 }, text, tie("tree")), { maxLength: 3 }),
      }) as fc.Arbitrary<XmlElement>,
    }));
    fc.assert(
      fc.property(tree, fc.boolean(), (given, cyrillic) => {
        const bytes = encodeXml(given, "utf-8");
        expect(plain(readXml(bytes))).toEqual(plain(given));
        expect(plain(readXml(writeXml(readXml(bytes), bare)))).toEqual(plain(given));
        if (cyrillic && !JSON.stringify(given).includes("𐀀")) {
          expect(plain(readXml(encodeXml(given, "windows-1251")))).toEqual(plain(given));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function plain({ name, ns, attrs, children }: XmlElement): unknown {
  const texts = children.map((child) => (typeof child === "string" ? child : plain(child)));
  const merged: unknown[] = [];
  for (const each of texts) {
    if (typeof each === "string" && typeof merged.at(-1) === "string") merged.push(`${merged.pop()}${each}`);
    else if (each !== "") merged.push(each);
  }
  return { name, ns, attrs: attrs.map((each) => [each.ns, each.name, each.value]), children: merged };
}

describe("fromObject", () => {
  const item: XmlModel = { elements: new Map([["code", { array: false }]]), attributes: ["unit", "kind"] };
  const model: XmlModel = {
    elements: new Map([
      ["first", { array: false }],
      ["item", { array: true, content: item }],
      ["foreign", { array: false, ns: "urn:y" }],
    ]),
  };
  const place = { name: "root", ns: "urn:x" };

  it("writes elements and attributes in the model's order, and toObject reads the value again", () => {
    const value = {
      foreign: "5",
      item: [{ kind: "k", unit: "mm", xmlText: "7" }, { code: "<" }, { xsiType: "PQ", unit: "u" }],
      first: "1",
    };
    const text = writeXml(fromObject(place, value, model), bare);
    expect(text).toBe(
      `<root xmlns="urn:x"><first>1</first><item unit="mm" kind="k">7</item><item><code>&lt;</code></item>` +
        `<item xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" unit="u" xsi:type="PQ"/><foreign xmlns="urn:y">5</foreign></root>`,
    );
    expect(toObject(readXml(text), model)).toEqual(value);
  });

  it("makes text of numbers and booleans, and leaves out what is absent", () => {
    expect(
      writeXml(fromObject(place, { first: 0, item: [true, null, 12n], foreign: undefined }, model), bare),
    ).toBe(`<root xmlns="urn:x"><first>0</first><item>true</item><item>12</item></root>`);
  });

  it.each([
    ["unknown-property", { second: "1" }],
    ["repeated-element", { first: ["1", "2"] }],
    ["unexpected-element", { first: { code: "1" } }],
    ["unexpected-element", { first: new Date(0) }],
    ["unexpected-element", { first: Number.NaN }],
  ])("refuses as %s what the model does not have: %j", (code, value) => {
    expect(() => fromObject(place, value, model)).toThrow(expect.objectContaining({ code }));
  });
});
