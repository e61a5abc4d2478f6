import fc from "fast-check";
import { SaxesParser } from "saxes";
import { describe, expect, it } from "vitest";
import { readXml } from "./read.ts";
import type { XmlElement } from "./tree.ts";

// what saxes, a well-kept parser, makes of the same text
function oracle(text: string): unknown {
  const parser = new SaxesParser({ xmlns: true });
  const root: unknown[] = [];
  const open = [root];
  parser.on("opentag", (tag) => {
    const attrs = Object.values(tag.attributes)
      .filter((each) => each.prefix !== "xmlns" && each.name !== "xmlns")
      .map((each) => [each.uri, each.local, each.value]);
    const children: unknown[] = [];
    open[open.length - 1]?.push([tag.uri, tag.local, attrs, children]);
    open.push(children);
  });
  parser.on("closetag", () => void open.pop());
  const text_ = (value: string) => {
    const children = open[open.length - 1];
    if (open.length === 1 || children === undefined || value === "") return;
    const last = children[children.length - 1];
    if (typeof last === "string") children[children.length - 1] = last + value;
    else children.push(value);
  };
  parser.on("text", text_);
  parser.on("cdata", text_);
  parser.on("doctype", () => {
    throw new Error("doctype");
  });
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(text).close();
  return root[0];
}

function ours(element: XmlElement): unknown {
  return [
    element.ns,
    element.name,
    element.attrs.map((each) => [each.ns, each.name, each.value]),
    element.children.map((child) => (typeof child === "string" ? child : ours(child))),
  ];
}

// where saxes leaves the specifications, seen by this test; well-formedness.test.ts has our own cases:
// it trims namespace names, takes unpaired surrogates, and lets a local part begin with a digit
const deviations = [
  /xmlns[^=<>]*=\s*(?:"(?:\s|&#|[^"]*(?:\s|&#\w+;)")|'(?:\s|&#|[^']*(?:\s|&#\w+;)'))/,
  /\p{Surrogate}/u,
  /:[-.\d·]/,
];

function agree(text: string): void {
  fc.pre(!deviations.some((each) => each.test(text)));
  expect(outcome(() => ours(readXml(text)))).toEqual(outcome(() => oracle(text)));
}

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "refused";
  }
}

const piece = fc.constantFrom(
  "<a>",
  "</a>",
  "<b>",
  "</b>",
  "<a/>",
  "<p:a xmlns:p='u'>",
  "</p:a>",
  "<p:b>",
  "</p:b>",
  "<a xmlns='u'>",
  " x='1'",
  " p:x='1'",
  " y='&lt;'",
  " y='a\n\tb'",
  ' y="&#10;\'"',
  " xmlns:q='u'",
  " xmlns:p=''",
  " xmlns:xml='u'",
  " xml:lang='ru'",
  "<",
  ">",
  "/>",
  "/",
  "=",
  "'",
  '"',
  "&",
  ";",
  "&amp;",
  "&#65;",
  "&#x10FFFF;",
  "&#0;",
  "&#xD800;",
  "&nope;",
  "&lt;",
  "<!--",
  "-->",
  "--",
  "<!-- c -->",
  "<![CDATA[",
  "]]>",
  "]]",
  "<![CDATA[<&]]>",
  "<?",
  "?>",
  "<?pi data?>",
  "<?xml version='1.0'?>",
  "<?XML?>",
  "<!DOCTYPE a>",
  "текст",
  "ё",
  "𝒜",
  "\ud800",
  "\u0000",
  "\u000b",
  "\ufffe",
  "\r\n",
  "\r",
  "\n",
  "\t",
  " ",
  ":",
  "-",
  ".",
  "é",
  "·",
  "x",
  "1",
  "]",
  "<п:а xmlns:п='я'/>",
  "<𐐀/>",
  "<:a/>",
  "<a:/>",
  "<a:b:c/>",
  "<xmlns:a/>",
  "<p:1 xmlns:p='u'/>",
);

const soup = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

const name = fc.constantFrom("a", "b", "п:в", "p:a", "q:b", "имя", "x-1.y");
const value = fc
  .array(fc.constantFrom("x", " ", "\n", "&lt;", "&#9;", "'", "ж", "𝒜", ">", "]]"), { maxLength: 5 })
  .map((each) => each.join(""));
const attribute = fc.tuple(
  fc.constantFrom("x", "y", "p:x", "q:x", "xml:id", "xmlns:p", "xmlns:q", "xmlns", "xmlns:п"),
  value,
);
const { element } = fc.letrec<{ element: string }>((tie) => ({
  element: fc
    .tuple(
      name,
      fc.array(attribute, { maxLength: 4 }),
      fc.array(
        fc.oneof(
          { maxDepth: 4 },
          value,
          fc.constant("<!-- -->"),
          fc.constant("<![CDATA[]]]>"),
          tie("element"),
        ),
        { maxLength: 4 },
      ),
    )
    .map(([tag, attributes, children]) => {
      const start = attributes.map(([key, text]) => ` ${key}="${text.replaceAll('"', "")}"`).join("");
      return `<${tag}${start}>${children.join("")}</${tag}>`;
    }),
}));
const bound = element.map((text) => `<r xmlns:п="п" xmlns:p="u" xmlns:q="v">${text}</r>`);

describe("readXml against saxes", () => {
  it.each([
    ["markup soup", soup.map((text) => `<r>${text}</r>`)],
    ["bare soup", soup],
    ["documents", bound],
  ])("accepts and refuses the same %s, and tells the same", (_, texts) => {
    fc.assert(fc.property(texts, agree), { numRuns: 3000 });
  });

  it("agrees on a document with one character changed", () => {
    const edit = fc.tuple(bound, fc.nat(), piece, fc.nat(2)).map(([text, at, put, cut]) => {
      const place = at % text.length;
      return text.slice(0, place) + put + text.slice(place + cut);
    });
    fc.assert(fc.property(edit, agree), { numRuns: 3000 });
  });
});
