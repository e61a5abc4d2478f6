import {
  checkLabel,
  decode,
  detectEncoding,
  normalizeLineEnds,
  readDeclaration,
  type XmlEncoding,
} from "./decode.ts";
import { XmlError } from "./error.ts";
import { limitsOf, type XmlLimits } from "./limits.ts";
import { Scanner, type Sink } from "./scanner.ts";
import { TreeBuilder, type XmlElement } from "./tree.ts";

export interface ReadOptions extends Partial<XmlLimits> {
  /** what the transport says the bytes are in; without it the mark and the declaration of the document say */
  readonly encoding?: XmlEncoding;
}

/**
 * Reads a whole document, UTF-8 or windows-1251 bytes or text, into a tree of elements and text.
 * Throws XmlError for what is not well-formed or namespace-well-formed, for a DOCTYPE, and over a limit.
 */
export function readXml(input: Uint8Array | string, options: ReadOptions = {}): XmlElement {
  const builder = new TreeBuilder();
  scanDocument(input, options, builder);
  if (builder.root === undefined) throw new XmlError("unexpected-end", "the document has no root element");
  return builder.root;
}

/** Checks a whole document and tells the sink what it holds; throws XmlError like `readXml`. */
export function scanDocument(input: Uint8Array | string, options: ReadOptions, sink: Sink): void {
  const limits = limitsOf(options);
  if (input.length > limits.maxBytes) {
    throw new XmlError("limit-exceeded", `over the limit maxBytes = ${limits.maxBytes}`, {
      line: 1,
      column: 1,
    });
  }
  const text = typeof input === "string" ? input : decode(input, options.encoding ?? detectEncoding(input));
  const source = normalizeLineEnds(text.startsWith("\uFEFF") ? text.slice(1) : text);
  const { length, label } = readDeclaration(source);
  if (typeof input !== "string" && options.encoding === undefined) checkLabel(label, detectEncoding(input));
  const scanner = new Scanner(limits, sink);
  scanner.scan(source, { from: length });
  scanner.finish();
}
