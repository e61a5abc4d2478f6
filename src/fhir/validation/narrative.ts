import { XmlError } from "../../xml/error.ts";
import { readXml } from "../../xml/read.ts";
import { elementsOf, textOf, type XmlElement } from "../../xml/tree.ts";
import type { Findings } from "./issues.ts";

const xhtml = "http://www.w3.org/1999/xhtml";
// R4 Narrative, constraint txt-1
const elements = new Set(
  `a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li
  ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var`.split(/\s+/),
);
const attributes = new Set(
  `abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite
  class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev
  rowspan rules scope shape span src start style summary tabindex title type valign value vspace width`.split(
    /\s+/,
  ),
);
const runnable = /^\s*(?:javascript|vbscript|data:text)/i;

/** Checks a narrative's div: well-formed XHTML, the formatting subset only (txt-1), with content (txt-2). */
export function checkNarrative(div: string, path: string, findings: Findings): void {
  const fault = faultOf(div);
  if (fault !== undefined) findings.add({ kind: "narrative", path, detail: fault });
}

function faultOf(text: string): string | undefined {
  try {
    const root = readXml(text);
    if (root.name !== "div" || root.ns !== xhtml) return "the root is no div of XHTML";
    const fault = faultIn(root);
    if (fault !== undefined) return fault;
    return textOf(root).trim() !== "" || hasImage(root) ? undefined : "txt-2: no content";
  } catch (error) {
    if (error instanceof XmlError) return `not well-formed: ${error.message}`;
    throw error;
  }
}

function faultIn(element: XmlElement): string | undefined {
  if (!elements.has(element.name)) return "txt-1: an element that is not of the formatting subset";
  const unknown = element.attrs.find(
    ({ ns, name, value }) => ns === "" && (!attributes.has(name) || runnable.test(value)),
  );
  if (unknown) return "txt-1: an attribute that is not of the formatting subset";
  for (const child of elementsOf(element)) {
    const fault = faultIn(child);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const hasImage = (element: XmlElement): boolean =>
  elementsOf(element).some((child) => child.name === "img" || hasImage(child));
