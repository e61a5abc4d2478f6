import { FmlSyntaxError, type Position } from "./errors.ts";

export type TokenKind =
  | "word"
  | "delimited"
  | "string"
  | "quoted"
  | "markdown"
  | "integer"
  | "decimal"
  | "long"
  | "date"
  | "datetime"
  | "time"
  | "symbol"
  | "metadata"
  | "end";

/** `text` is the token's meaning: unescaped for strings, without quotes and the @ of dates. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly position: Position;
}

const date = "\\d{4}(?:-\\d\\d(?:-\\d\\d)?)?";
const time = "\\d\\d(?::\\d\\d(?::\\d\\d(?:\\.\\d+)?)?)?";

// order matters: longer forms stand before their own beginnings; no form has a capturing group
const rules: readonly (readonly [TokenKind | "skip", RegExp])[] = [
  ["skip", /\s+/],
  ["metadata", /\/\/\/(?=[ \t]+[A-Za-z][\w.]*[ \t]*=)/],
  ["skip", /\/\/[^\r\n]*/],
  ["skip", /\/\*[\s\S]*?\*\//],
  ["markdown", /"""[\s\S]*?"""/],
  ["string", /'(?:[^'\\]|\\[\s\S])*'/],
  ["quoted", /"(?:[^"\\]|\\[\s\S])*"/],
  ["delimited", /`(?:[^`\\]|\\[\s\S])*`/],
  ["time", new RegExp(`@T${time}`)],
  ["datetime", new RegExp(`@${date}T(?:${time}(?:Z|[+-]\\d\\d:\\d\\d)?)?`)],
  ["date", new RegExp(`@${date}`)],
  ["decimal", /\d+\.\d+/],
  ["long", /\d+L\b/],
  ["integer", /\d+/],
  ["word", /[A-Za-z_][A-Za-z0-9_]*/],
  ["symbol", /->|<<|>>|<=|>=|!=|!~|==|\.\.|[-+*/&|<>=~()[\]{},.;:%$]/],
];

// one pattern for all: trying them one after another took most of the time that a parse takes
const anyToken = new RegExp(rules.map(([, { source }]) => `(${source})`).join("|"), "y");

const escapes: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  "`": "`",
  "\\": "\\",
  "/": "/",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function unescapeQuoted(raw: string, position: Position): string {
  return raw.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex?: string, char = "u") => {
    if (hex !== undefined) {
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const meaning = escapes[char];
    if (meaning === undefined) {
      throw new FmlSyntaxError(`unknown escape \\${char} in a string`, position);
    }
    return meaning;
  });
}

function meaningOf(kind: TokenKind, raw: string, position: Position): string {
  switch (kind) {
    case "string":
    case "quoted":
    case "delimited":
      return unescapeQuoted(raw, position);
    case "markdown":
      return raw.slice(3, -3).replace(/^\r?\n|\r?\n$/g, "");
    case "date":
    case "datetime":
      return raw.slice(1);
    case "time":
      return raw.slice(2);
    case "long":
      return raw.slice(0, -1);
    default:
      return raw;
  }
}

/**
 * Cuts FML or FHIRPath text into tokens; comments and white space are dropped, the last token is `end`.
 * Throws FmlSyntaxError at the first character that begins no token.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let offset = text.startsWith("\uFEFF") ? 1 : 0;
  let lineStart = offset;
  while (offset < text.length) {
    anyToken.lastIndex = offset;
    const found = anyToken.exec(text);
    const position = { line, column: offset - lineStart + 1 };
    if (found === null) {
      throw new FmlSyntaxError(`unexpected character ${JSON.stringify(text[offset])}`, position);
    }
    const [raw] = found;
    const [kind] = rules[found.indexOf(raw, 1) - 1] as (typeof rules)[number];
    if (kind !== "skip") {
      tokens.push({ kind, text: meaningOf(kind, raw, position), position });
    }
    for (let at = raw.indexOf("\n"); at !== -1; at = raw.indexOf("\n", at + 1)) {
      line += 1;
      lineStart = offset + at + 1;
    }
    offset += raw.length;
  }
  const position = { line, column: offset - lineStart + 1 };
  tokens.push({ kind: "end", text: "the end of the text", position });
  return tokens;
}
