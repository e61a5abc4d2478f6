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

// order matters: longer forms stand before their own beginnings
const rules: readonly (readonly [TokenKind | "skip", RegExp])[] = [
  ["skip", /\s+/y],
  ["metadata", /\/\/\/(?=[ \t]+[A-Za-z][\w.]*[ \t]*=)/y],
  ["skip", /\/\/[^\r\n]*/y],
  ["skip", /\/\*[\s\S]*?\*\//y],
  ["markdown", /"""[\s\S]*?"""/y],
  ["string", /'(?:[^'\\]|\\[\s\S])*'/y],
  ["quoted", /"(?:[^"\\]|\\[\s\S])*"/y],
  ["delimited", /`(?:[^`\\]|\\[\s\S])*`/y],
  ["time", new RegExp(`@T${time}`, "y")],
  ["datetime", new RegExp(`@${date}T(?:${time}(?:Z|[+-]\\d\\d:\\d\\d)?)?`, "y")],
  ["date", new RegExp(`@${date}`, "y")],
  ["decimal", /\d+\.\d+/y],
  ["long", /\d+L\b/y],
  ["integer", /\d+/y],
  ["word", /[A-Za-z_][A-Za-z0-9_]*/y],
  ["symbol", /->|<<|>>|<=|>=|!=|!~|==|\.\.|[-+*/&|<>=~()[\]{},.;:%$]/y],
];

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

function match(text: string, offset: number): readonly [TokenKind | "skip", string] | undefined {
  for (const [kind, pattern] of rules) {
    pattern.lastIndex = offset;
    const found = pattern.exec(text);
    if (found !== null) {
      return [kind, found[0]];
    }
  }
  return undefined;
}

function advance(from: Position, raw: string): Position {
  const lastBreak = raw.lastIndexOf("\n");
  if (lastBreak === -1) {
    return { line: from.line, column: from.column + raw.length };
  }
  return { line: from.line + raw.split("\n").length - 1, column: raw.length - lastBreak };
}

/**
 * Cuts FML or FHIRPath text into tokens; comments and white space are dropped, the last token is `end`.
 * Throws FmlSyntaxError at the first character that begins no token.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let position: Position = { line: 1, column: 1 };
  let offset = text.startsWith("\uFEFF") ? 1 : 0;
  while (offset < text.length) {
    const found = match(text, offset);
    if (found === undefined) {
      throw new FmlSyntaxError(`unexpected character ${JSON.stringify(text[offset])}`, position);
    }
    const [kind, raw] = found;
    if (kind !== "skip") {
      tokens.push({ kind, text: meaningOf(kind, raw, position), position });
    }
    position = advance(position, raw);
    offset += raw.length;
  }
  tokens.push({ kind: "end", text: "the end of the text", position });
  return tokens;
}
