import { booleanCode, type Code, certainCode, conditionsOf, dynamic } from "./code.ts";
import type { ExpressionPlace } from "./expression-place.ts";
import type { Binary, Expression } from "./fhirpath-ast.ts";
import { systemTypeOf } from "./types.ts";

type Logic = (a: Conditions, b: Conditions) => readonly [string, string];
interface Conditions {
  readonly when: string;
  readonly unless: string;
}

// FHIRPath 2.0 section 6.5, each operator as the condition for true and the one for false
const logic: Readonly<Record<string, Logic>> = {
  and: (a, b) => [`(${a.when} && ${b.when})`, `(${a.unless} || ${b.unless})`],
  or: (a, b) => [`(${a.when} || ${b.when})`, `(${a.unless} && ${b.unless})`],
  implies: (a, b) => [`(${a.unless} || ${b.when})`, `(${a.when} && ${b.unless})`],
  xor: (a, b) => [
    `(${a.when} && ${b.unless} || ${a.unless} && ${b.when})`,
    `(${a.when} && ${b.when} || ${a.unless} && ${b.unless})`,
  ],
};

const comparable = new Set(["String", "Integer", "Boolean"]);
const boolean = ["System.Boolean"];

/** The System type of a single value that JavaScript's own operators treat as FHIRPath does. */
export function plainType(at: ExpressionPlace, code: Code): string | undefined {
  const [type, ...more] = code.types ?? [];
  if (code.js === undefined || code.many || type === undefined || more.length > 0) {
    return undefined;
  }
  const system = systemTypeOf(at.place.unit.linked.types, type);
  return system !== undefined && comparable.has(system) ? system : undefined;
}

/** Compiles a binary operator; those on plain strings, integers and booleans become JavaScript. */
export function compileBinary(expression: Binary, at: ExpressionPlace): Code {
  const { operator } = expression;
  const left = at.compile(expression.left);
  const right = at.compile(expression.right);
  const combine = logic[operator];
  if (combine !== undefined) {
    const [a, b] = [conditionsOf(left), conditionsOf(right)];
    if (a === undefined || b === undefined) {
      return dynamic(boolean, false);
    }
    const [when, unless] = combine(a, b);
    return booleanCode(when, unless, left.certain === true && right.certain === true);
  }
  if (operator === "in") {
    return compileIn(at, left, expression.right);
  }
  return compileOnValues(operator, at, left, right);
}

function compileOnValues(operator: string, at: ExpressionPlace, left: Code, right: Code): Code {
  const [a, b] = [plainType(at, left), plainType(at, right)];
  const plain = a !== undefined && a === b ? onPlain(operator, a, left, right) : undefined;
  return plain ?? onDocument(operator, left, right);
}

function onPlain(operator: string, type: string, left: Code, right: Code): Code | undefined {
  if (operator === "=" || operator === "!=") {
    return equality(left, right, operator === "=");
  }
  if (orders.has(operator) && type !== "Boolean") {
    return ordering(operator, left, right);
  }
  if (type === "String" && operator === "&") {
    return certainCode("System.String", `(${orEmpty(left)} + ${orEmpty(right)})`);
  }
  return type === "String" && operator === "+" ? concatenation(left, right) : undefined;
}

// the evaluator runs it; only the type of the result is known here
function onDocument(operator: string, left: Code, right: Code): Code {
  if (comparisons.has(operator) || orders.has(operator)) {
    return dynamic(boolean, false);
  }
  if (operator === "|") {
    const known = left.types !== undefined && right.types !== undefined;
    return dynamic(known ? [...left.types, ...right.types] : undefined);
  }
  return dynamic(operator === "&" ? ["System.String"] : operator === "+" ? left.types : undefined, false);
}

const orders = new Set(["<", ">", "<=", ">="]);
const comparisons = new Set(["=", "!=", "~", "!~", "contains"]);
const orEmpty = (code: Code) => (code.certain === true ? code.js : `(${code.js} ?? "")`);
const both = (left: Code, right: Code) =>
  [left, right]
    .filter((code) => code.certain !== true)
    .map((code) => `${code.js} != null && `)
    .join("");

function equality(left: Code, right: Code, positive: boolean): Code {
  const certain = left.certain === true && right.certain === true;
  const oneCertain = left.certain === true || right.certain === true;
  const same = `(${oneCertain ? "" : both(left, right)}${left.js} === ${right.js})`;
  const different = `(${both(left, right)}${left.js} !== ${right.js})`;
  return positive ? booleanCode(same, different, certain) : booleanCode(different, same, certain);
}

function ordering(operator: string, left: Code, right: Code): Code {
  const test = `${left.js} ${operator} ${right.js}`;
  const guard = both(left, right);
  return booleanCode(`(${guard}${test})`, `(${guard}!(${test}))`, guard === "");
}

function concatenation(left: Code, right: Code): Code {
  const guard = both(left, right);
  const sum = `${left.js} + ${right.js}`;
  const js = guard === "" ? `(${sum})` : `(${guard.slice(0, -4)} ? ${sum} : undefined)`;
  return { types: ["System.String"], many: false, js, certain: guard === "" };
}

// `x in ('a' | 'b')`: the usual way to name a few codes
function compileIn(at: ExpressionPlace, left: Code, list: Expression): Code {
  const literals = literalsOf(list);
  if (literals === undefined || plainType(at, left) !== "String") {
    return dynamic(boolean, false);
  }
  const tests = literals.map((text) => `${left.js} === ${JSON.stringify(text)}`).join(" || ");
  const guard = left.certain === true ? "" : `${left.js} != null && `;
  return booleanCode(`(${tests})`, `(${guard}!(${tests}))`, left.certain === true);
}

function literalsOf(expression: Expression): readonly string[] | undefined {
  if (expression.kind === "literal" && expression.type === "String") {
    return [String(expression.value)];
  }
  if (expression.kind !== "binary" || expression.operator !== "|") {
    return undefined;
  }
  const [left, right] = [literalsOf(expression.left), literalsOf(expression.right)];
  return left === undefined || right === undefined ? undefined : [...left, ...right];
}
