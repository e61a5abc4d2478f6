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
