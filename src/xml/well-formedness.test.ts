import { describe, expect, it } from "vitest";
import { XmlError, type XmlErrorCode } from "./error.ts";
import { readXml } from "./read.ts";
import { textOf } from "./tree.ts";

// own cases, each from a production ([n]), a well-formedness constraint (WFC) or a section of XML 1.0 (5th
// edition), or from Namespaces in XML 1.0 (NS)
const accepted: readonly (readonly [clause: string, document: string])[] = [
  ["[1] white space, comments and instructions around the root", "\n<!-- a -->\n<?p?><a/>\n<?p d?><!---->\n"],
  ["[2] the first and last characters of each range", "<a>\t\n \uD7FF\uE000\uFFFD\u{10000}\u{10FFFF}</a>"],
  ["[2] C1 controls are characters", "<a>\u0085\u009f</a>"],
  ["[3] all four kinds of white space in a tag", "<a \t\r\nb='' \n></a \t\r\n>"],
  [
    "[4] name start characters",
    "<_a><Z/><\u00C0/><\u00F8/><\u0370/><\u037F/><\u200C/><\u2070/><\u2C00/><\u3001/><\uF900/><\uFDF0/></_a>",
  ],
  ["[4] an astral name", "<\u{10000}\u{EFFFF}/>"],
  ["[4a] name characters", "<a-.0\u00B7\u0300\u203F/>"],
  ["[10] either quote, the other one inside", `<a b='"' c="'"/>`],
  ["[10] > in an attribute value", "<a b='>'/>"],
  ["[14] ] and ]] and > alone in text", "<a>] ]] ] > ]]</a>"],
  ["[15] single hyphens in a comment", "<a><!-- - a-b - --></a>"],
  ["[15] markup in a comment", "<a><!-- <b>&c;]]> --></a>"],
  ["[16] an instruction without data, and one with a ? in it", "<a><?p?><?p a?b ? > ?></a>"],
  ["[17] a target that only begins with xml", "<?xml-stylesheet href='a'?><?xmlx?><a/>"],
  ["[18] markup in a CDATA section", "<a><![CDATA[<b>&c;]]]]><![CDATA[>]]></a>"],
  ["[18] an empty CDATA section", "<a><![CDATA[]]></a>"],
  ["[23] a declaration in single quotes", "<?xml version='1.0'?><a/>"],
  [
    "[23] with everything, and white space",
    `<?xml \n version = "1.0"\tencoding = 'UTF-8' standalone = "no" ?><a/>`,
  ],
  ["[26] a later minor version is read as 1.0", "<?xml version='1.7'?><a/>"],
  ["[32] standalone without an encoding", "<?xml version='1.0' standalone='yes'?><a/>"],
  ["[40] white space before the end of a start tag", "<a b='' ></a>"],
  ["[42] white space before the end of an end tag", "<a></a\n>"],
  ["[44] an empty tag with attributes, with and without white space", "<a><b c=''/><b c='' /></a>"],
  ["[66] references in both notations, leading zeros", "<a>&#65;&#x41;&#x0000041;&#0065;</a>"],
  ["[66] the last character", "<a>&#x10FFFF;&#1114111;</a>"],
  ["4.6 the predefined entities", "<a b='&lt;&gt;&amp;&apos;&quot;'>&lt;&gt;&amp;&apos;&quot;</a>"],
  ["2.12 xml:lang without a declaration", "<a xml:lang='ru' xml:space='preserve'/>"],
  ["NS 3 xml may be declared as what it is", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>"],
  ["NS 3 a prefix that begins with xml", "<xmla:b xmlns:xmla='u'/>"],
  ["NS 6.2 the default namespace undeclared", "<a xmlns='u'><b xmlns=''/></a>"],
  ["NS 6.1 a prefix bound anew, and back", "<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:b/></p:a>"],
  ["NS 6.3 one local name with and without a prefix", "<a xmlns='u' xmlns:p='u' b='' p:b=''/>"],
  ["NS 3 a declaration after its use in the tag", "<p:a p:b='' xmlns:p='u'/>"],
];

type Refusal = readonly [clause: string, document: string, code: XmlErrorCode, column?: number];
const refused: readonly Refusal[] = [
  ["[1] nothing", "", "unexpected-end", 1],
  ["[1] no root", "<!-- a -->", "unexpected-end"],
  ["[1] two roots", "<a/><b/>", "unexpected-markup", 5],
  ["[1] text after the root", "<a/>b", "unexpected-markup", 5],
  ["[1] text before the root", "b<a/>", "unexpected-markup", 1],
  ["[1] a reference outside the root", "<a/>&#32;", "unexpected-markup", 5],
  ["[1] a CDATA section outside the root", "<![CDATA[]]><a/>", "unexpected-markup", 1],
  ["[1] the root left open", "<a><b></b>", "unexpected-end", 11],
  ["[2] NUL", "<a>\u0000</a>", "invalid-character", 4],
  ["[2] a control in text", "<a>\u0008</a>", "invalid-character", 4],
  ["[2] a control in an attribute", "<a b='\u001f'/>", "invalid-character", 7],
  ["[2] a control in a comment", "<a><!--\u000b--></a>", "invalid-character", 8],
  ["[2] a control in an instruction", "<a><?p \u000c?></a>", "invalid-character", 8],
  ["[2] a control in a CDATA section", "<a><![CDATA[\u001b]]></a>", "invalid-character", 13],
  ["[2] U+FFFE", "<a>\uFFFE</a>", "invalid-character", 4],
  ["[2] U+FFFF in an attribute", "<a b='\uFFFF'/>", "invalid-character", 7],
  ["[2] half a surrogate pair", "<a>\uD800</a>", "invalid-character", 4],
  ["[2] a pair the wrong way round", "<a>\uDC00\uD800</a>", "invalid-character", 4],
  ["[3] a no-break space is no white space", "<a\u00a0b=''/>", "unexpected-markup", 3],
  ["[4] a name that begins with a digit", "<1a/>", "unexpected-markup", 2],
  ["[4] a name that begins with a hyphen", "<-a/>", "unexpected-markup", 2],
  ["[4] the multiplication sign is no name character", "<a\u00d7/>", "unexpected-markup", 3],
  ["[4] white space before a name", "< a/>", "unexpected-markup", 2],
  ["[4] plane 15 is not in names", "<\u{F0000}/>", "unexpected-markup", 2],
  ["[10] an attribute without quotes", "<a b=c/>", "unexpected-markup", 6],
  ["[10] an attribute without a value", "<a b/>", "unexpected-markup", 5],
  ["[10] a value that never ends", "<a b='></a>", "unexpected-markup", 8],
  ["[10] a value cut by the end", "<a b='c", "unexpected-end", 8],
  ["WFC: No < in Attribute Values", "<a b='<'/>", "unexpected-markup", 7],
  ["[14] ]]> in text", "<a>]]></a>", "unexpected-markup", 4],
  ["[14] ]]]> in text", "<a>]]]></a>", "unexpected-markup", 5],
  ["[15] two hyphens in a comment", "<a><!-- -- --></a>", "unexpected-markup", 9],
  ["[15] a comment that ends with three hyphens", "<a><!-- ---></a>", "unexpected-markup", 9],
  ["[15] a comment left open", "<a><!-- </a>", "unexpected-end"],
  ["[16] an instruction left open", "<a><?p </a>", "unexpected-end"],
  ["[16] no white space after the target", "<a><?p+?></a>", "unexpected-markup", 7],
  ["[17] the reserved target", "<a><?xml version='1.0'?></a>", "invalid-name", 4],
  ["[17] the reserved target in capitals", "<?XML version='1.0'?><a/>", "invalid-name", 1],
  ["[18] a CDATA section left open", "<a><![CDATA[</a>", "unexpected-end"],
  ["[19] CDATA in small letters", "<a><![cdata[]]></a>", "unexpected-markup", 4],
  ["[22] a declaration after white space", " <?xml version='1.0'?><a/>", "invalid-name", 2],
  ["[23] a declaration without a version", "<?xml encoding='UTF-8'?><a/>", "invalid-declaration", 1],
  ["[23] the wrong order", "<?xml encoding='UTF-8' version='1.0'?><a/>", "invalid-declaration", 1],
  ["[23] no white space", "<?xml version='1.0'encoding='UTF-8'?><a/>", "invalid-declaration", 1],
  ["[26] version 2.0", "<?xml version='2.0'?><a/>", "invalid-declaration", 1],
  [
    "[32] standalone that is neither yes nor no",
    "<?xml version='1.0' standalone='Yes'?><a/>",
    "invalid-declaration",
    1,
  ],
  [
    "[81] an encoding name that begins with a digit",
    "<?xml version='1.0' encoding='8'?><a/>",
    "invalid-declaration",
    1,
  ],
  ["[28] a document type declaration (our rule)", "<!DOCTYPE a><a/>", "doctype", 1],
  ["[28] one in small letters is nothing at all", "<!doctype a><a/>", "unexpected-markup", 1],
  ["[45] an element declaration in content", "<a><!ELEMENT b ANY></a>", "unexpected-markup", 4],
  ["WFC: Element Type Match", "<a></b>", "mismatched-tag", 4],
  ["WFC: Element Type Match, crossed", "<a><b></a></b>", "mismatched-tag", 7],
  ["WFC: Element Type Match, by letters' case", "<a></A>", "mismatched-tag", 4],
  ["WFC: Element Type Match, a longer name", "<a></ab>", "mismatched-tag", 4],
  ["[42] an end tag without a start", "</a>", "unexpected-markup", 1],
  ["[42] an attribute in an end tag", "<a></a b=''>", "mismatched-tag", 4],
  ["[42] white space before the name", "<a></ a>", "mismatched-tag", 4],
  ["[40] attributes without white space between", "<a b=''c=''/>", "unexpected-markup", 8],
  ["[44] a slash apart from its >", "<a/ >", "unexpected-markup", 4],
  ["WFC: Unique Att Spec", "<a b='' b=''/>", "duplicate-attribute", 9],
  ["WFC: Legal Character, NUL", "<a>&#0;</a>", "invalid-character", 4],
  ["WFC: Legal Character, a control", "<a b='&#x1F;'/>", "invalid-character", 7],
  ["WFC: Legal Character, a surrogate", "<a>&#xD800;</a>", "invalid-character", 4],
  ["WFC: Legal Character, beyond Unicode", "<a>&#x110000;</a>", "invalid-character", 4],
  ["[66] a hexadecimal reference with a capital X", "<a>&#X41;</a>", "undefined-entity", 4],
  ["[66] no digits", "<a>&#;</a>", "undefined-entity", 4],
  ["[66] hexadecimal digits in a decimal one", "<a>&#A;</a>", "undefined-entity", 4],
  ["[67] & alone", "<a>& b</a>", "undefined-entity", 4],
  ["[68] no semicolon", "<a>&amp</a>", "undefined-entity", 4],
  ["WFC: Entity Declared", "<a>&nbsp;</a>", "undefined-entity", 4],
  ["WFC: Entity Declared, a name of JavaScript", "<a>&constructor;</a>", "undefined-entity", 4],
  ["NS 5 an unbound prefix of an element", "<p:a/>", "unbound-prefix", 1],
  ["NS 5 an unbound prefix of an attribute", "<a p:b=''/>", "unbound-prefix", 4],
  ["NS 5 a prefix out of its scope", "<a><p:b xmlns:p='u'/><p:b/></a>", "unbound-prefix", 22],
  [
    "NS 6.3 two prefixes of one namespace",
    "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
    "duplicate-attribute",
    35,
  ],
  ["NS 3 a prefix undeclared", "<a xmlns:p='u'><b xmlns:p=''/></a>", "invalid-namespace", 19],
  ["NS 3 xml bound to something else", "<a xmlns:xml='u'/>", "invalid-namespace", 4],
  [
    "NS 3 another prefix bound to xml's",
    "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    "invalid-namespace",
    4,
  ],
  ["NS 3 xml's as the default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "invalid-namespace", 4],
  ["NS 3 xmlns declared", "<a xmlns:xmlns='u'/>", "invalid-namespace", 4],
  ["NS 3 a prefix bound to xmlns's", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", "invalid-namespace", 4],
  ["NS 3 an element with the prefix xmlns", "<xmlns:a/>", "unbound-prefix", 1],
  ["NS [7] two colons", "<a:b:c/>", "invalid-name", 2],
  ["NS [7] a colon first", "<:a/>", "invalid-name", 2],
  ["NS [7] a colon last", "<a:/>", "invalid-name", 2],
  ["NS [7] a local part that begins with a digit", "<p:1 xmlns:p='u'/>", "invalid-name", 2],
  ["NS 7 a colon in a target", "<?p:q?><a/>", "invalid-name", 1],
];

describe("well-formedness", () => {
  it.each(accepted)("accepts %s", (_, document) => {
    expect(readXml(document).name).not.toBe("");
  });

  for (const [clause, document, code, column] of refused) {
    it(`refuses ${clause}`, () => {
      expect(() => readXml(document)).toThrow(XmlError);
      try {
        readXml(document);
      } catch (error) {
        expect(error).toMatchObject({ code, line: 1, ...(column === undefined ? {} : { column }) });
      }
    });
  }

  it("2.11 makes one line feed of every line end, and counts lines by them", () => {
    expect(textOf(readXml("<a>1\r\n2\r3\n4</a>"))).toBe("1\n2\n3\n4");
    expect(textOf(readXml("<a>&#13;</a>"))).toBe("\r");
    expect(() => readXml("<a>\r\n\r &</a>")).toThrow("line 3, column 2");
  });

  it("3.3.3 makes a blank of white space in an attribute, not of a reference to it", () => {
    expect(readXml("<a b='1\r\n2\t3&#10;4&#x9;5'/>").attrs).toEqual([
      { name: "b", ns: "", value: "1 2 3\n4\t5" },
    ]);
  });

  it("2.7 takes a CDATA section as text of its neighbours", () => {
    expect(readXml("<a>1<![CDATA[<&]]>2<!-- -->3</a>").children).toEqual(["1<&23"]);
  });
});
