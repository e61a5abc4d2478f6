import { describe, expect, it } from "vitest";
import { XmlError } from "./error.ts";
import type { XmlModel } from "./model.ts";
import { readObject, toObject } from "./object.ts";
import { readXml } from "./read.ts";

const xsi = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance'";

function both(document: string, model?: XmlModel): unknown {
  const direct = readObject(document, model === undefined ? {} : { model }).value;
  expect(toObject(readXml(document), model)).toEqual(direct);
  return direct;
}

function refusal(document: string, model?: XmlModel): XmlError {
  expect(() => toObject(readXml(document), model)).toThrow(XmlError);
  try {
    readObject(document, model === undefined ? {} : { model });
  } catch (error) {
    return error as XmlError;
  }
  throw new Error("accepted");
}

describe("readObject and toObject", () => {
  it("make strings, objects, and arrays of what repeats, without a model", () => {
    expect(both("<a>\n <b>1</b>\n <b> 2 </b>\n <c><d/></c>\n</a>")).toEqual({
      b: ["1", " 2 "],
      c: { d: "" },
    });
    expect(both("<a>text</a>")).toBe("text");
  });

  it("take attributes as properties and text beside them as xmlText", () => {
    expect(both("<a id='1'><b unit='mm'>5</b><b unit='mm'/>mixed</a>")).toEqual({
      id: "1",
      b: [{ unit: "mm", xmlText: "5" }, { unit: "mm" }],
      xmlText: "mixed",
    });
  });

  it("tell the root's name and namespace, for the caller to check", () => {
    expect(readObject("<p:a xmlns:p='urn:x'/>")).toEqual({ name: "a", ns: "urn:x", value: "" });
  });

  it("leave out what is nil, and keep xsi:type beside other properties only", () => {
    const document = `<a ${xsi}><b i:nil='true'/><c i:nil='1'/><d i:nil='false'/><e i:type='s:string'>x</e><f i:type='p:PQ' value='1'/></a>`;
    expect(both(document)).toEqual({ d: "", e: "x", f: { xsiType: "PQ", value: "1" } });
    expect(both(`<a ${xsi}><b><c i:nil='true'/></b></a>`), "an object that lost its only child").toEqual({
      b: {},
    });
  });

  const item: XmlModel = {
    elements: new Map([
      ["id", { array: false }],
      ["part", { array: true, content: { elements: new Map() } }],
    ]),
    attributes: ["kind"],
  };
  const model: XmlModel = {
    elements: new Map([
      ["name", { array: false }],
      ["alias", { array: true }],
      ["item", { array: true, content: item }],
      ["own", { array: false, ns: "urn:own" }],
    ]),
  };

  it("follow a model: one item is an array, an empty complex element an object, attributes of text go", () => {
    expect(
      both("<a><name x='1'>N</name><alias>A</alias><item/><item kind='k'>t<part/></item></a>", model),
    ).toEqual({
      name: "N",
      alias: ["A"],
      item: [{}, { kind: "k", part: [{}], xmlText: "t" }],
    });
    expect(both("<a/>", model)).toEqual({});
  });

  it("keep what the model does not know", () => {
    expect(both("<a><new>1</new><new>2</new></a>", model)).toEqual({ new: ["1", "2"] });
  });

  it("refuse what the model contradicts, with the place", () => {
    expect(refusal("<a><name>1</name>\n<name>2</name></a>", model)).toMatchObject({
      code: "repeated-element",
      line: 2,
    });
    expect(refusal("<a><name><b/></name></a>", model)).toMatchObject({
      code: "unexpected-element",
      column: 10,
    });
    expect(refusal("<a><own/></a>", model).code).toBe("unexpected-element");
    expect(both("<a><own xmlns='urn:own'>1</own></a>", model)).toEqual({ own: "1" });
  });

  it("refuse names that collide", () => {
    expect(refusal("<a b='1'><b/></a>")).toMatchObject({ code: "name-collision", line: 1, column: 10 });
    expect(refusal("<a xmlns:p='u' b='1' p:b='2'/>").code).toBe("name-collision");
    expect(refusal("<a><xmlText/>text</a>").code).toBe("name-collision");
    expect(refusal(`<a ${xsi} i:type='T' xsiType='1'/>`).code).toBe("name-collision");
  });

  it.each(["__proto__", "constructor", "prototype"])("refuse %s and pollute nothing", (name) => {
    expect(refusal(`<a><${name}><polluted>1</polluted></${name}></a>`)).toMatchObject({
      code: "forbidden-name",
      column: 4,
    });
    expect(refusal(`<a ${name}='1'/>`).code).toBe("forbidden-name");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("give objects that inherit nothing", () => {
    const value = readObject("<a><b/></a>").value as Record<string, unknown>;
    for (const name of ["constructor", "toString", "hasOwnProperty", "__proto__"])
      expect(value[name]).toBeUndefined();
    expect(JSON.stringify(value)).toBe('{"b":""}');
  });

  it("read the root whatever its name", () => {
    expect(readObject("<constructor>1</constructor>")).toEqual({ name: "constructor", ns: "", value: "1" });
  });
});
