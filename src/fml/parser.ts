import type { Constant, FmlMap, Group, Mode, Name, Parameter, Uses } from "./ast.ts";
import { readConceptMap } from "./concept-map-parser.ts";
import { FmlSyntaxError } from "./errors.ts";
import { readExpression, readLiteral } from "./fhirpath-parser.ts";
import { readName, readRules, readUrl } from "./rule-parser.ts";
import { TokenStream } from "./token-stream.ts";

type Metadata = Map<string, string>;

/**
 * Parses a map written in the FHIR Mapping Language (the grammar pinned in docs/decisions/001-fml-grammar.md).
 * Throws FmlSyntaxError at the first place that does not fit.
 */
export function parseMap(text: string): FmlMap {
  const stream = new TokenStream(text);
  const metadata = readMetadata(stream);
  const early = readWhile(stream, "conceptmap", readConceptMap);
  const identity = readIdentity(stream, metadata);
  const conceptMaps = [...early, ...readWhile(stream, "conceptmap", readConceptMap)];
  const uses = readWhile(stream, "uses", readUses);
  const imports = readWhile(stream, "imports", readImport);
  const constants = readWhile(stream, "let", readConstant);
  const groups = readWhile(stream, "group", readGroup);
  if (stream.peek().kind !== "end" || groups.length === 0) {
    stream.fail("'group'");
  }
  return { ...identity, metadata, conceptMaps, uses, imports, constants, groups };
}

function readWhile<Node>(stream: TokenStream, keyword: string, read: (stream: TokenStream) => Node): Node[] {
  const nodes: Node[] = [];
  while (stream.accept(keyword) !== undefined) {
    nodes.push(read(stream));
  }
  return nodes;
}

function readMetadata(stream: TokenStream): Metadata {
  const metadata: Metadata = new Map();
  while (stream.peek().kind === "metadata") {
    stream.take();
    let key = readName(stream).text;
    while (stream.accept(".") !== undefined) {
      key += `.${readName(stream).text}`;
    }
    stream.expect("=");
    metadata.set(key, readMetadataValue(stream));
  }
  return metadata;
}

// the value may be left out: a derived map clears an inherited one so
function readMetadataValue(stream: TokenStream): string {
  const { kind, text } = stream.peek();
  if (kind === "markdown") {
    return stream.take().text;
  }
  const isLiteral = kind !== "word" && kind !== "symbol" && kind !== "metadata" && kind !== "end";
  return isLiteral || text === "true" || text === "false" ? String(readLiteral(stream).value) : "";
}

function readIdentity(stream: TokenStream, metadata: Metadata): { url: string; name: string } {
  if (stream.accept("map") !== undefined) {
    const url = readUrl(stream);
    stream.expect("=");
    return { url, name: stream.takeKind("quoted", "string", "word", "delimited").text };
  }
  const url = metadata.get("url");
  if (url === undefined) {
    return stream.fail("'map' or a line /// url = '...'");
  }
  return { url, name: metadata.get("name") ?? url };
}

function readUses(stream: TokenStream): Uses {
  const { position } = stream.peek();
  const url = readUrl(stream);
  const alias = stream.accept("alias") === undefined ? {} : { alias: readName(stream).text };
  stream.expect("as");
  return { url, ...alias, mode: stream.oneOf(["source", "queried", "target", "produced"]), position };
}

function readImport(stream: TokenStream): Name {
  const { position } = stream.peek();
  return { text: readUrl(stream), position };
}

function readConstant(stream: TokenStream): Constant {
  const name = readName(stream);
  stream.expect("=");
  const value = readExpression(stream);
  stream.expect(";");
  return { name, value };
}

function readGroup(stream: TokenStream): Group {
  const name = readName(stream);
  const parameters = readParameters(stream);
  const parent = stream.accept("extends") === undefined ? {} : { extends: readName(stream) };
  const typeMode = stream.is("<<") ? { typeMode: readTypeMode(stream) } : {};
  return { name, parameters, ...parent, ...typeMode, rules: readRules(stream) };
}

function readParameters(stream: TokenStream): readonly Parameter[] {
  const { position } = stream.expect("(");
  const parameters: Parameter[] = [];
  do {
    const mode: Mode = stream.oneOf(["source", "target"]);
    const name = readName(stream);
    parameters.push({ mode, name, ...(stream.accept(":") === undefined ? {} : { type: readName(stream) }) });
  } while (stream.accept(",") !== undefined);
  stream.expect(")");
  if (!parameters.some((parameter) => parameter.mode === "source")) {
    throw new FmlSyntaxError("a group needs at least one source parameter", position);
  }
  return parameters;
}

function readTypeMode(stream: TokenStream): "types" | "type+" {
  stream.expect("<<");
  const mode = stream.oneOf(["types", "type"]);
  if (mode === "type") {
    stream.expect("+");
  }
  stream.expect(">>");
  return mode === "type" ? "type+" : mode;
}
