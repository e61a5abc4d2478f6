import { FhirPathError } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { bool, integer, type Node, type PathFunction, type Scope, text } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { boundedPattern } from "./pattern.ts";

type Nodes = readonly Node[];
type Argument = string | number | undefined;

const maxLength = 1_000_000;

function stringOf(nodes: Nodes): string | undefined {
  const node = single(nodes);
  if (node !== undefined && typeof node.value !== "string") {
    throw new FhirPathError("a string was expected");
  }
  return node?.value as string | undefined;
}

function argumentsOf(args: readonly Expression[], scope: Scope): readonly Argument[] {
  return args.map((arg) => {
    const value = single(scope.evaluate(arg, {}))?.value;
    if (value !== undefined && typeof value !== "string" && typeof value !== "number") {
      throw new FhirPathError("a string or a number was expected");
    }
    return value;
  });
}

function bounded(value: string): string {
  if (value.length > maxLength) {
    throw new FhirPathError("a string grew too long");
  }
  return value;
}

/** A function of one string; an empty input or argument makes an empty result. */
function onString(
  min: number,
  run: (input: string, ...args: readonly (string | number)[]) => Nodes,
  max = min,
): PathFunction {
  return {
    min,
    max,
    run(input, args, scope) {
      const value = stringOf(input);
      const given = argumentsOf(args, scope);
      return value === undefined || given.includes(undefined)
        ? []
        : run(value, ...(given as readonly (string | number)[]));
    },
  };
}

function substring(input: string, start: string | number, length?: string | number): Nodes {
  const from = Number(start);
  if (from < 0 || from >= input.length) {
    return [];
  }
  return text(input.slice(from, length === undefined ? undefined : from + Math.max(0, Number(length))));
}

const xmlEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for `html` (also XML) or `json`. */
export function escapeText(value: string, format: string): string {
  if (format === "json") {
    return JSON.stringify(value).slice(1, -1);
  }
  if (format !== "html" && format !== "xml") {
    throw new FhirPathError("escape knows html, xml and json");
  }
  return value.replace(/[&<>"']/g, (char) => xmlEscapes[char] ?? char);
}

const jsonEscapes = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["b", "\b"],
  ["f", "\f"],
]);

/** Takes back what `escapeText` did. */
export function unescapeText(value: string, format: string): string {
  if (format === "json") {
    return value.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex?: string, char = "") =>
      hex === undefined ? (jsonEscapes.get(char) ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  if (format !== "html" && format !== "xml") {
    throw new FhirPathError("unescape knows html, xml and json");
  }
  return value.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => {
    return Object.keys(xmlEscapes).find((char) => xmlEscapes[char] === entity) ?? entity;
  });
}

const encodings: ReadonlyMap<string, BufferEncoding> = new Map(
  Object.entries({
    hex: "hex",
    base64: "base64",
    urlbase64: "base64url",
  }),
);

function encodingOf(name: string | number): BufferEncoding {
  const encoding = encodings.get(String(name));
  if (encoding === undefined) {
    throw new FhirPathError("encode and decode know hex, base64 and urlbase64");
  }
  return encoding;
}

// the specification's urlbase64 keeps the padding that Node leaves out
const padded = (value: string, name: string | number) =>
  name === "urlbase64" ? value.padEnd(Math.ceil(value.length / 4) * 4, "=") : value;

/** FHIRPath 2.0 section 5.6 and the string functions of its later editions that keep their meaning. */
export const stringFunctions: Readonly<Record<string, PathFunction>> = {
  indexOf: onString(1, (input, part) => integer(input.indexOf(String(part)))),
  lastIndexOf: onString(1, (input, part) => integer(input.lastIndexOf(String(part)))),
  substring: onString(1, substring, 2),
  startsWith: onString(1, (input, part) => bool(input.startsWith(String(part)))),
  endsWith: onString(1, (input, part) => bool(input.endsWith(String(part)))),
  contains: onString(1, (input, part) => bool(input.includes(String(part)))),
  upper: onString(0, (input) => text(input.toUpperCase())),
  lower: onString(0, (input) => text(input.toLowerCase())),
  trim: onString(0, (input) => text(input.trim())),
  length: onString(0, (input) => integer(input.length)),
  toChars: onString(0, (input) => [...input].flatMap((char) => text(char))),
  replace: onString(2, (input, part, by = "") => {
    const { length } = input;
    if ((length + 1) * (String(by).length + 1) > maxLength * 10) {
      throw new FhirPathError("a string grew too long");
    }
    return text(bounded(input.replaceAll(String(part), () => String(by))));
  }),
  matches: onString(1, (input, pattern) => bool(boundedPattern(String(pattern)).test(input))),
  matchesFull: onString(1, (input, pattern) => bool(boundedPattern(`^(?:${pattern})$`).test(input))),
  replaceMatches: onString(2, (input, pattern, by = "") =>
    text(pattern === "" ? input : bounded(boundedPattern(String(pattern)).replace(input, String(by)))),
  ),
  split: onString(1, (input, separator) => input.split(String(separator)).flatMap((part) => text(part))),
  encode: onString(1, (input, name) => text(padded(Buffer.from(input).toString(encodingOf(name)), name))),
  decode: onString(1, (input, name) => text(Buffer.from(input, encodingOf(name)).toString())),
  escape: onString(1, (input, format) => text(escapeText(input, String(format)))),
  unescape: onString(1, (input, format) => text(unescapeText(input, String(format)))),
  join: {
    min: 0,
    max: 1,
    run(input, args, scope) {
      const [separator = ""] = argumentsOf(args, scope);
      const parts = input.map((node) => stringOf([node]) ?? "");
      return input.length === 0 ? [] : text(bounded(parts.join(String(separator))));
    },
  },
};
