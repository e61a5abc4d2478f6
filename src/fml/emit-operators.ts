import { booleanCode, type Code, conditionsOf, dynamic } from "./code.ts";
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
  const isSame = a !== undefined && a === b;
  switch (operator) {
    case "=":
      return isSame ? equality(left, right, true) : dynamic(boolean, false);
    case "!=":
      return isSame ? equality(left, right, false) : dynamic(boolean, false);
    case "<":
    case ">":
    case "<=":
    case ">=":
      return isSame && a !== "Boolean" ? ordering(operator, left, right) : dynamic(boolean, false);
    case "&":
      return a === "String" && b === "String"
        ? { types: ["System.String"], many: false, js: `(${orEmpty(left)} + ${orEmpty(right)})`, certain: true }
        : dynamic(["System.String"], false);
    case "+":
      return a === "String" && b === "String" ? concatenation(left, right) : dynamic(sumTypes(left, right), false);
    case "|":
      return dynamic(left.types !== undefined && right.types !== undefined ? [...left.types, ...right.types] : undefined);
    default:
      return dynamic(isComparison(operator) ? boolean : undefined, false);
  }
}

const isComparison = (operator: string) => ["~", "!~", "contains"].includes(operator);
const sumTypes = (left: Code, right: Code) =>
  left.types !== undefined && left.types.join() === right.types?.join() ? left.types : left.types;
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
