import type { Expression } from "../../fml/fhirpath-ast.ts";
import { parseFhirPath } from "../../fml/fhirpath-parser.ts";
import { elementsOfType } from "../elements.ts";

/** A value with its FHIR type: `Quantity`, `code`, `Observation.component`. */
export interface Typed {
  readonly type: string;
  readonly value: unknown;
}

export type Extraction = (from: Typed) => readonly Typed[];

/**
 * A FHIRPath of a SearchParameter as plain steps through JSON: member, `|`, `as`, `ofType`, `where` of one equality
 * or of `resolve() is`, and what R4 writes for a boolean. Throws RangeError for anything else, so a new parameter is
 * refused when it is registered, never when it is searched.
 */
export function compileExpression(text: string): Extraction {
  return compiled(parseFhirPath(text));
}

/** The types that an expression may lead to from a type, without looking at a value; `where` keeps them all. */
export function typesReached(text: string, type: string): readonly string[] {
  return reached(parseFhirPath(text), type);
}

function reached(expression: Expression, type: string): readonly string[] {
  switch (expression.kind) {
    case "member": {
      const { name, target } = expression;
      if (!target && (name === type || roots.has(name))) return [type];
      const parents = target ? reached(target, type) : [type];
      return parents.flatMap((parent) => propertiesOf(parent, name).map((child) => child.type));
    }
    case "binary":
      return expression.operator === "|"
        ? [...reached(expression.left, type), ...reached(expression.right, type)]
        : ["boolean"];
    case "type":
      return [expression.type];
    case "call":
      return reachedByCall(expression, type);
    default:
      return [];
  }
}

function reachedByCall({ args: [argument], target }: Call, type: string): readonly string[] {
  if (argument?.kind === "member") return [argument.name];
  return target ? reached(target, type) : [type];
}

function compiled(expression: Expression): Extraction {
  switch (expression.kind) {
    case "member":
      return memberOf(expression.name, expression.target && compiled(expression.target));
    case "binary":
      return combined(expression);
    case "type": {
      const operand = compiled(expression.operand);
      return (from) => operand(from).filter(({ type }) => type === expression.type);
    }
    case "call":
      return called(expression);
    default:
      throw unknown(expression);
  }
}

const unknown = ({ kind }: Expression) =>
  new RangeError(`a search parameter's expression may not hold a ${kind}`);

const roots = new Set(["Resource", "DomainResource"]);

function memberOf(name: string, target: Extraction | undefined): Extraction {
  if (target) return (from) => target(from).flatMap((parent) => childrenOf(parent, name));
  return (from) => (name === from.type || roots.has(name) ? [from] : childrenOf(from, name));
}

interface Child {
  readonly key: string;
  readonly type: string;
}

const children = new Map<string, readonly Child[]>();

/** The properties that an element may stand under: several for a choice of types. */
function propertiesOf(type: string, name: string): readonly Child[] {
  const place = `${type}.${name}`;
  let known = children.get(place);
  if (known === undefined) {
    const elements = [...(elementsOfType(type) ?? [])];
    known = elements
      .filter(([key, each]) => key === name || key.toLowerCase() === `${name}${each.type}`.toLowerCase())
      .map(([key, each]) => ({ key, type: each.type }));
    children.set(place, known);
  }
  return known;
}

function childrenOf({ type, value }: Typed, name: string): Typed[] {
  if (typeof value !== "object" || value === null) return [];
  return propertiesOf(type, name).flatMap((child) => {
    const found = (value as Record<string, unknown>)[child.key];
    if (found === undefined || found === null) return [];
    return (Array.isArray(found) ? found : [found]).map((one) => ({ type: child.type, value: one }));
  });
}

type Binary = Extract<Expression, { kind: "binary" }>;

function combined({ operator, left, right }: Binary): Extraction {
  if (operator === "|") {
    const sides = [compiled(left), compiled(right)];
    return (from) => sides.flatMap((side) => side(from));
  }
  if (operator === "and") {
    const sides = [compiled(left), compiled(right)];
    return (from) => truth(sides.every((side) => isTrue(side(from))));
  }
  if (operator === "!=" && right.kind === "literal") {
    const operand = compiled(left);
    return (from) => truth(operand(from).some(({ value }) => value !== right.value));
  }
  throw new RangeError(`a search parameter's expression may not hold ${operator}`);
}

const truth = (value: boolean): Typed[] => [{ type: "boolean", value }];
const isTrue = (values: readonly Typed[]) => values.some(({ value }) => value === true);

type Call = Extract<Expression, { kind: "call" }>;

function called({ name, target, args: [argument] }: Call): Extraction {
  const operand: Extraction = target ? compiled(target) : (from) => [from];
  if (name === "exists" && argument === undefined) return (from) => truth(operand(from).length > 0);
  if (argument && (name === "as" || name === "ofType") && argument.kind === "member") {
    const wanted = argument.name;
    return (from) => operand(from).filter(({ type }) => type === wanted);
  }
  if (argument && name === "where") {
    const keeps = conditionOf(argument);
    return (from) => operand(from).filter(keeps);
  }
  throw new RangeError(`a search parameter's expression may not call ${name}`);
}

/** `system='phone'`, or `resolve() is Patient`, which a literal reference answers by the type that it names. */
function conditionOf(condition: Expression): (item: Typed) => boolean {
  if (condition.kind === "binary" && condition.operator === "=" && condition.right.kind === "literal") {
    const { value: wanted } = condition.right;
    const operand = compiled(condition.left);
    return (item) => operand(item).some(({ value }) => value === wanted);
  }
  if (condition.kind === "type" && condition.operator === "is" && isResolve(condition.operand)) {
    const { type } = condition;
    return ({ value }) => typeOfReference(value) === type;
  }
  throw unknown(condition);
}

const isResolve = (expression: Expression) => expression.kind === "call" && expression.name === "resolve";

function typeOfReference(value: unknown): string | undefined {
  const { reference, type } = (value ?? {}) as { reference?: unknown; type?: unknown };
  const named =
    typeof reference === "string" ? /([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/.*)?$/.exec(reference) : null;
  return named?.[1] ?? (typeof type === "string" ? type : undefined);
}
