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

const date = /\d{4}(?:-\d\d(?:-\d\d)?)?/.source;
const time = /\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?/.source;

// text is cut into pieces by one pattern at once, which is several times faster than one piece after another.
// Order matters: longer forms stand before their own beginnings; the last one takes what begins no token
const anyPiece = new RegExp(
  [
    /\s+/,
    /\/\/\/[ \t]+(?=[A-Za-z][\w.]*[ \t]*=)/,
    /\/\/[^\r\n]*\s*/,
    /\/\*[\s\S]*?\*\//,
    /[A-Za-z_]\w*/,
    /'(?:[^'\\]|\\[\s\S])*'/,
    /"""[\s\S]*?"""/,
    /"(?:[^"\\]|\\[\s\S])*"/,
    /`(?:[^`\\]|\\[\s\S])*`/,
    /\d+(?:\.\d+|L\b)?/,
    new RegExp(`@T${time}`),
    new RegExp(`@${date}(?:T(?:${time}(?:Z|[+-]\\d\\d:\\d\\d)?)?)?`),
    /->|<<|>>|<=|>=|!=|!~|==|\.\.|[-+*/&|<>=~()[\]{},.;:%$]/,
    /[\s\S]/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

type Kind = TokenKind | "skip" | undefined;

// what a piece is shows in its first character and, where that leaves a choice, in its form
const kinds = new Map<string, Kind | ((piece: string) => Kind)>([
  ["'", (piece) => (piece.length > 1 ? "string" : undefined)],
  ["`", (piece) => (piece.length > 1 ? "delimited" : undefined)],
  ['"', (piece) => (piece.startsWith('"""') ? "markdown" : piece.length > 1 ? "quoted" : undefined)],
  ["/", (piece) => (piece === "/" ? "symbol" : /^\/\/\/[ \t]+$/.test(piece) ? "metadata" : "skip")],
  ["!", (piece) => (piece.length > 1 ? "symbol" : undefined)],
  ["@", kindOfTime],
]);
for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") kinds.set(letter, "word");
for (const digit of "0123456789") kinds.set(digit, kindOfNumber);
for (const symbol of "-+*&|<>=~()[]{},.;:%$") kinds.set(symbol, "symbol");

function kindOf(piece: string): Kind {
  const kind = kinds.get(piece.charAt(0));
  if (kind === undefined) {
    return piece.trim() === "" ? "skip" : undefined;
  }
  return typeof kind === "function" ? kind(piece) : kind;
}

function kindOfTime(piece: string): Kind {
  const kind = piece.startsWith("@T") ? "time" : piece.includes("T") ? "datetime" : "date";
  return piece.length > 1 ? kind : undefined;
}

function kindOfNumber(piece: string): Kind {
  return piece.includes(".") ? "decimal" : piece.endsWith("L") ? "long" : "integer";
}

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
  return !raw.includes("\\")
    ? raw.slice(1, -1)
    : raw.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex?: string, char = "u") => {
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
  let offset = text.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  let lineStart = offset;
  // the line break that every comment ends with
  for (const piece of `${text.slice(offset)}\n`.match(anyPiece) ?? []) {
    const kind = kindOf(piece);
    const position = { line, column: offset - lineStart + 1 };
    if (kind === undefined) {
      throw new FmlSyntaxError(`unexpected character ${JSON.stringify(piece)}`, position);
    }
    if (kind !== "skip") {
      tokens.push({ kind, text: meaningOf(kind, piece, position), position });
    }
    for (let at = piece.indexOf("\n"); at !== -1; at = piece.indexOf("\n", at + 1)) {
      line += 1;
      lineStart = offset + at + 1;
    }
    offset += piece.length;
  }
  const end = { line: text.split("\n").length, column: text.length - text.lastIndexOf("\n") };
  tokens.push({ kind: "end", text: "the end of the text", position: end });
  return tokens;
}
