import type { CodePair, ConceptMapDeclaration } from "./ast.ts";
import { FmlSyntaxError } from "./errors.ts";
import { readName, readUrl } from "./rule-parser.ts";
import type { TokenStream } from "./token-stream.ts";

type Prefixes = Map<string, string>;
type PrefixedCode = CodePair["source"];

// relatedto, equivalent, narrower, broader; "!=" states that a code has no counterpart
const relations = ["-", "==", "=", "<=", ">=", "!="] as const;

/** Reads a contained ConceptMap after its keyword: prefixes, `unmapped for`, then one line for each code. */
export function readConceptMap(stream: TokenStream): ConceptMapDeclaration {
  const { position } = stream.peek();
  const url = readUrl(stream);
  stream.expect("{");
  const prefixes = readPrefixes(stream);
  const unmapped = readUnmapped(stream, prefixes);
  const pairs: CodePair[] = [];
  while (stream.accept("}") === undefined) {
    const pair = readPair(stream, prefixes);
    if (pair !== undefined) {
      pairs.push(pair);
    }
  }
  return { url, pairs, unmapped, position };
}

function readPrefixes(stream: TokenStream): Prefixes {
  const prefixes: Prefixes = new Map();
  while (stream.accept("prefix") !== undefined) {
    const name = readName(stream).text;
    stream.expect("=");
    prefixes.set(name, readUrl(stream));
  }
  return prefixes;
}

function readUnmapped(stream: TokenStream, prefixes: Prefixes): ReadonlySet<string> {
  const systems = new Set<string>();
  while (stream.accept("unmapped") !== undefined) {
    stream.expect("for");
    systems.add(systemOf(stream, prefixes));
    stream.expect("=");
    stream.expect("provided");
  }
  return systems;
}

function systemOf(stream: TokenStream, prefixes: Prefixes): string {
  const { text, position } = readName(stream);
  const system = prefixes.get(text);
  if (system === undefined) {
    throw new FmlSyntaxError(`the prefix ${text} is not declared in this conceptmap`, position);
  }
  return system;
}

function readPair(stream: TokenStream, prefixes: Prefixes): CodePair | undefined {
  const { position } = stream.peek();
  const source = readCode(stream, prefixes);
  const relation = stream.oneOf(relations);
  const target = readCode(stream, prefixes);
  return relation === "!=" ? undefined : { source, target, position };
}

function readCode(stream: TokenStream, prefixes: Prefixes): PrefixedCode {
  const system = systemOf(stream, prefixes);
  stream.expect(":");
  return { system, code: stream.takeKind("word", "string", "quoted", "integer").text };
}
