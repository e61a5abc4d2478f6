export type XmlErrorCode =
  | "doctype"
  | "duplicate-attribute"
  | "forbidden-name"
  | "invalid-character"
  | "invalid-declaration"
  | "invalid-encoding"
  | "invalid-name"
  | "invalid-namespace"
  | "limit-exceeded"
  | "mismatched-tag"
  | "name-collision"
  | "repeated-element"
  | "unbound-prefix"
  | "undefined-entity"
  | "unexpected-element"
  | "unexpected-end"
  | "unexpected-markup"
  | "unknown-property"
  | "unsupported-encoding";

export interface XmlPosition {
  /** 1-based */
  readonly line: number;
  /** 1-based, in UTF-16 code units */
  readonly column: number;
}

/** The position after `text` that begins at `from`; the text's line ends are LF. */
export function advance(from: XmlPosition, text: string): XmlPosition {
  let line = from.line;
  let start = 0;
  for (let next = text.indexOf("\n"); next !== -1; next = text.indexOf("\n", start)) {
    line += 1;
    start = next + 1;
  }
  return { line, column: (start === 0 ? from.column : 1) + text.length - start };
}

/** Any refusal of src/xml: what is wrong and where, never a value of the document. */
export class XmlError extends Error {
  override readonly name = "XmlError";
  readonly code: XmlErrorCode;
  /** undefined when the fault is in a tree or an object rather than in text */
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(code: XmlErrorCode, message: string, at?: XmlPosition, options?: ErrorOptions) {
    super(at === undefined ? message : `${message} (line ${at.line}, column ${at.column})`, options);
    this.code = code;
    this.line = at?.line;
    this.column = at?.column;
  }
}
