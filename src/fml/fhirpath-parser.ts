import type { Expression, Literal, LiteralType } from "./fhirpath-ast.ts";
import type { TokenKind } from "./lexer.ts";
import { TokenStream } from "./token-stream.ts";

// FHIRPath 2.0 section 6.7: the later in this list, the tighter the operator binds
const levels: readonly (readonly string[])[] = [
  ["implies"],
  ["or", "xor"],
  ["and"],
  ["in", "contains"],
  ["=", "~", "!=", "!~"],
  ["<", ">", "<=", ">="],
  ["|"],
  ["is", "as"],
  ["+", "-", "&"],
  ["*", "/", "div", "mod"],
];

const levelOf: ReadonlyMap<string, number> = new Map(
  levels.flatMap((operators, level) => operators.map((operator) => [operator, level])),
);

const calendarUnit = /^(year|month|week|day|hour|minute|second|millisecond)s?$/;

const literalTypes: Partial<Record<TokenKind, LiteralType>> = {
  string: "String",
  quoted: "String",
  integer: "Integer",
  decimal: "Decimal",
  long: "Long",
  date: "Date",
  datetime: "DateTime",
  time: "Time",
};

/** Parses a whole FHIRPath expression. Throws FmlSyntaxError with the place inside the expression. */
export function parseFhirPath(text: string): Expression {
  const stream = new TokenStream(text);
  const expression = readExpression(stream);
  if (stream.peek().kind !== "end") {
    stream.fail("an operator or the end of the expression");
  }
  return expression;
}

/** Reads one expression and stops at the first token that cannot go on with it. */
export function readExpression(stream: TokenStream): Expression {
  return stream.nested(() => readOperators(stream, 0));
}

// an operand, and all operators after it that bind at least as tightly as the lowest level
function readOperators(stream: TokenStream, lowest: number): Expression {
  let left = readUnary(stream);
  for (;;) {
    const { kind, text: operator, position } = stream.peek();
    const level = kind === "symbol" || kind === "word" ? levelOf.get(operator) : undefined;
    if (level === undefined || level < lowest) {
      return left;
    }
    stream.take();
    left =
      operator === "is" || operator === "as"
        ? { kind: "type", operator, operand: left, type: readTypeName(stream), position }
        : { kind: "binary", operator, left, right: readOperators(stream, level + 1), position };
  }
}

function readTypeName(stream: TokenStream): string {
  const first = stream.takeKind("word", "delimited").text;
  return stream.accept(".") === undefined ? first : `${first}.${stream.takeKind("word", "delimited").text}`;
}

function readUnary(stream: TokenStream): Expression {
  if (stream.is("+") || stream.is("-")) {
    const operator = stream.is("-") ? "-" : "+";
    const { position } = stream.take();
    return stream.nested(() => ({ kind: "unary", operator, operand: readUnary(stream), position }));
  }
  return readPostfix(stream);
}

function readPostfix(stream: TokenStream): Expression {
  let target = readTerm(stream);
  for (;;) {
    const { position } = stream.peek();
    if (stream.accept(".") !== undefined) {
      target = readInvocation(stream, target);
    } else if (stream.accept("[") !== undefined) {
      target = { kind: "index", target, index: readExpression(stream), position };
      stream.expect("]");
    } else {
      return target;
    }
  }
}

function readInvocation(stream: TokenStream, target?: Expression): Expression {
  const { position } = stream.peek();
  if (stream.is("$")) {
    return readSpecial(stream);
  }
  const name = stream.takeKind("word", "delimited").text;
  const on = target === undefined ? {} : { target };
  if (stream.accept("(") === undefined) {
    return { kind: "member", ...on, name, position };
  }
  return { kind: "call", ...on, name, args: readArguments(stream), position };
}

/** Reads the arguments of a call after its opening bracket, the closing one included. */
export function readArguments(stream: TokenStream): readonly Expression[] {
  const args: Expression[] = [];
  if (stream.accept(")") !== undefined) {
    return args;
  }
  do {
    args.push(readExpression(stream));
  } while (stream.accept(",") !== undefined);
  stream.expect(")");
  return args;
}

function readSpecial(stream: TokenStream): Expression {
  const { position } = stream.take();
  return { kind: "special", name: stream.oneOf(["this", "index", "total"]), position };
}

function readTerm(stream: TokenStream): Expression {
  const { kind, text, position } = stream.peek();
  if (literalTypes[kind] !== undefined || (kind === "word" && (text === "true" || text === "false"))) {
    return readLiteral(stream);
  }
  if (stream.accept("(") !== undefined) {
    const inner = readExpression(stream);
    stream.expect(")");
    return inner;
  }
  if (stream.accept("{") !== undefined) {
    stream.expect("}");
    return { kind: "empty", position };
  }
  if (stream.accept("%") !== undefined) {
    return { kind: "constant", name: stream.takeKind("word", "delimited", "string").text, position };
  }
  if (kind === "word" || kind === "delimited" || stream.is("$")) {
    return readInvocation(stream);
  }
  return stream.fail("an expression");
}

/** Reads a literal of FHIRPath; FML takes the same ones. */
export function readLiteral(stream: TokenStream): Literal {
  const { kind, text, position } = stream.take();
  if (kind === "word") {
    return { kind: "literal", type: "Boolean", value: text === "true", position };
  }
  const type = literalTypes[kind];
  if (type === "Integer" || type === "Decimal") {
    return readNumber(stream, { kind: "literal", type, value: Number(text), digits: text, position });
  }
  if (type === "Long") {
    return { kind: "literal", type, value: Number(text), position };
  }
  return type === undefined ? stream.fail("a literal") : { kind: "literal", type, value: text, position };
}

function readNumber(stream: TokenStream, number: Literal): Literal {
  const { kind, text } = stream.peek();
  if (kind === "string") {
    stream.take();
    return { ...number, type: "Quantity", unit: `'${text}'` };
  }
  if (kind === "word" && calendarUnit.test(text)) {
    stream.take();
    return { ...number, type: "Quantity", unit: text };
  }
  return number;
}
