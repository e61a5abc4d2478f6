import type { Dependent, ElementPath, Name, Rule, Source, Target, TargetListMode, Transform } from "./ast.ts";
import type { Expression, Literal } from "./fhirpath-ast.ts";
import { readArguments, readExpression, readLiteral } from "./fhirpath-parser.ts";
import type { TokenStream } from "./token-stream.ts";

const sourceListModes = ["first", "not_first", "last", "not_last", "only_one"] as const;
const targetListModes = ["first", "share", "last", "single", "collate"] as const;
const literalKinds = ["string", "quoted", "integer", "decimal", "long", "date", "datetime", "time"];

/** A name: any word, or one in back quotes; FML has no reserved words in the places where names stand. */
export function readName(stream: TokenStream): Name {
  const { text, position } = stream.takeKind("word", "delimited");
  return { text, position };
}

/** A URL in either kind of quotes. */
export function readUrl(stream: TokenStream): string {
  return stream.takeKind("quoted", "string").text;
}

/** Reads `{ rule* }`. */
export function readRules(stream: TokenStream): readonly Rule[] {
  stream.expect("{");
  const rules: Rule[] = [];
  while (stream.accept("}") === undefined) {
    rules.push(stream.nested(() => readRule(stream)));
  }
  return rules;
}

function readRule(stream: TokenStream): Rule {
  const { position } = stream.peek();
  const sources = readList(stream, readSource);
  const targets = stream.accept("->") === undefined ? [] : readList(stream, readTarget);
  const then = stream.accept("then") === undefined ? { dependents: [], rules: [] } : readThen(stream);
  const named = ["quoted", "word", "delimited", "string"].includes(stream.peek().kind);
  const name = named ? stream.take().text : "";
  stream.expect(";");
  return { name, sources, targets, ...then, position };
}

function readList<Node>(stream: TokenStream, read: (stream: TokenStream) => Node): readonly Node[] {
  const nodes = [read(stream)];
  while (stream.accept(",") !== undefined) {
    nodes.push(read(stream));
  }
  return nodes;
}

function readPath(stream: TokenStream): ElementPath {
  const context = readName(stream);
  const elements: Name[] = [];
  while (stream.accept(".") !== undefined) {
    elements.push(readName(stream));
  }
  return { context, elements };
}

function readSource(stream: TokenStream): Source {
  const path = readPath(stream);
  const type = stream.accept(":") === undefined ? {} : { type: readName(stream) };
  const cardinality = stream.peek().kind === "integer" ? { cardinality: readCardinality(stream) } : {};
  const fallback = stream.accept("default") === undefined ? {} : { default: readDefault(stream) };
  const listMode = sourceListModes.some((mode) => stream.is(mode))
    ? { listMode: stream.oneOf(sourceListModes) }
    : {};
  const variable = stream.accept("as") === undefined ? {} : { variable: readName(stream) };
  return { ...path, ...type, ...cardinality, ...fallback, ...listMode, ...variable, ...readClauses(stream) };
}

// in brackets, or a bare literal as the oldest maps have it; `as` behind it belongs to the source
function readDefault(stream: TokenStream): Expression {
  if (stream.accept("(") === undefined) {
    return readLiteral(stream);
  }
  const expression = readExpression(stream);
  stream.expect(")");
  return expression;
}

function readClauses(stream: TokenStream): Pick<Source, "where" | "check" | "log"> {
  const where = stream.accept("where") === undefined ? {} : { where: readExpression(stream) };
  const check = stream.accept("check") === undefined ? {} : { check: readExpression(stream) };
  const log = stream.accept("log") === undefined ? {} : { log: readExpression(stream) };
  return { ...where, ...check, ...log };
}

function readCardinality(stream: TokenStream): { min: number; max: number | "*" } {
  const min = Number(stream.takeKind("integer").text);
  stream.expect("..");
  return {
    min,
    max: stream.accept("*") === undefined ? Number(stream.takeKind("integer").text) : "*",
  };
}

function readTarget(stream: TokenStream): Target {
  const { position } = stream.peek();
  const isFree = stream.is("(") || stream.is("(", 1);
  const value = isFree ? { transform: readTransform(stream) } : readAssignment(stream);
  const variable = stream.accept("as") === undefined ? {} : { variable: readName(stream) };
  return { ...value, ...variable, ...readTargetListMode(stream), position };
}

function readAssignment(stream: TokenStream): Pick<Target, "path" | "transform"> {
  const path = readPath(stream);
  return stream.accept("=") === undefined ? { path } : { path, transform: readTransform(stream) };
}

function readTargetListMode(stream: TokenStream): { listMode?: TargetListMode; shareId?: string } {
  if (!targetListModes.some((mode) => stream.is(mode))) {
    return {};
  }
  const listMode = stream.oneOf(targetListModes);
  const hasId = listMode === "share" && stream.peek().kind === "word" && !stream.is("then");
  return hasId ? { listMode, shareId: stream.take().text } : { listMode };
}

function readTransform(stream: TokenStream): Transform {
  const { kind, position, text } = stream.peek();
  if (literalKinds.includes(kind) || (kind === "word" && (text === "true" || text === "false"))) {
    return { kind: "literal", literal: readLiteral(stream), position };
  }
  if (stream.accept("(") !== undefined) {
    const expression = readExpression(stream);
    stream.expect(")");
    return { kind: "expression", expression, position };
  }
  if (stream.is("(", 1)) {
    const name = readName(stream).text;
    stream.expect("(");
    return { kind: "call", name, args: readArguments(stream), position };
  }
  return { kind: "copy", path: readPath(stream), position };
}

function readThen(stream: TokenStream): Pick<Rule, "dependents" | "rules"> {
  const dependents = stream.is("{") ? [] : readList(stream, readDependent);
  return { dependents, rules: stream.is("{") ? readRules(stream) : [] };
}

function readDependent(stream: TokenStream): Dependent {
  const group = readName(stream);
  stream.expect("(");
  const args = stream.is(")") ? [] : readList(stream, readDependentArgument);
  stream.expect(")");
  return { group, args };
}

function readDependentArgument(stream: TokenStream): Name | Literal {
  return literalKinds.includes(stream.peek().kind) ? readLiteral(stream) : readName(stream);
}
