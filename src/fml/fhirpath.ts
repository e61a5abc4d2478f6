import { FhirPathError, FmlSyntaxError } from "./errors.ts";
import { quantityNode } from "./fhirpath-arithmetic.ts";
import type { Call, Expression, Literal, Member } from "./fhirpath-ast.ts";
import { decides } from "./fhirpath-condition.ts";
import { conversionFunctions } from "./fhirpath-conversion.ts";
import { existenceFunctions } from "./fhirpath-existence.ts";
import { filteringFunctions } from "./fhirpath-filtering.ts";
import { mathFunctions } from "./fhirpath-math.ts";
import {
  childrenOf,
  maxItems,
  type Node,
  type PathFunction,
  type Scope,
  system,
  text,
} from "./fhirpath-node.ts";
import { evaluateBinary } from "./fhirpath-operators.ts";
import { single } from "./fhirpath-singleton.ts";
import { stringFunctions } from "./fhirpath-strings.ts";
import { isOfType, treeFunctions } from "./fhirpath-tree.ts";
import { checkedChildren, ShapeError } from "./source-shape.ts";
import { isSubtype, type TypeTable } from "./types.ts";

type Nodes = readonly Node[];

/** Every function that maps may call, by name. A name that is not here is refused when a map compiles. */
export const pathFunctions: ReadonlyMap<string, PathFunction> = new Map(
  Object.entries({
    ...existenceFunctions,
    ...filteringFunctions,
    ...conversionFunctions,
    ...stringFunctions,
    ...mathFunctions,
    ...treeFunctions,
  }),
);

const noVariables: ReadonlyMap<string, Nodes> = new Map();

/** What an evaluation starts from. `variables` are seen as `%name` and, as FML wants it, as a bare first name. */
export interface Evaluation {
  readonly types: TypeTable;
  readonly variables?: ReadonlyMap<string, Nodes>;
  /** `%rootResource`, where `resolve()` looks */
  readonly root?: Nodes;
  /** `%resource`, where it is not the root: a contained one */
  readonly resource?: Nodes;
  readonly now?: string;
  readonly log?: (message: string) => void;
  /** refuses with ShapeError what does not keep to its model, where it is read; else it is taken as it comes */
  readonly holdsToModel?: boolean;
}

/**
 * Evaluates an expression on one item (`$this`). Throws FhirPathError, with the place in the expression, where
 * FHIRPath calls for an error; its message never holds a value.
 */
export function evaluate(expression: Expression, self: Nodes, evaluation: Evaluation): Nodes {
  return evaluateIn(expression, scopeOf(self, evaluation));
}

/** Whether an expression is true on one item; reads no more than that takes. Throws as `evaluate` does. */
export function isTrue(expression: Expression, self: Nodes, evaluation: Evaluation): boolean {
  return decides(expression, true, scopeOf(self, evaluation));
}

function scopeOf(self: Nodes, evaluation: Evaluation): Scope {
  const { types, variables = noVariables, root = self, resource = root, now = "", log } = evaluation;
  return {
    types,
    variables,
    self,
    root,
    resource,
    context: self,
    now,
    ...(log === undefined ? {} : { log }),
    holdsToModel: evaluation.holdsToModel === true,
    evaluate(inner, change) {
      return evaluateIn(inner, { ...this, ...change });
    },
  };
}

function evaluateIn(expression: Expression, scope: Scope): Nodes {
  try {
    const nodes = evaluateKind(expression, scope);
    if (nodes.length > maxItems) {
      throw new FhirPathError("a collection grew too large");
    }
    return nodes;
  } catch (error) {
    const isPlaced = !(error instanceof FhirPathError) || error.position !== undefined;
    if (!isPlaced && !(error instanceof ShapeError)) {
      throw new FhirPathError(error.message, expression.position);
    }
    throw error;
  }
}

function evaluateKind(expression: Expression, scope: Scope): Nodes {
  switch (expression.kind) {
    case "literal":
      return [literalNode(expression)];
    case "empty":
      return [];
    case "member":
      return evaluateMember(expression, scope);
    case "call":
      return evaluateCall(expression, scope);
    case "special":
      return evaluateSpecial(expression.name, scope);
    case "constant":
      return evaluateConstant(expression.name, scope);
    case "index": {
      const index = single(scope.evaluate(expression.index, {}))?.value;
      const node = scope.evaluate(expression.target, {})[index as number];
      return node === undefined ? [] : [node];
    }
    case "unary":
      return evaluateUnary(expression.operator, scope.evaluate(expression.operand, {}));
    case "binary":
      return evaluateBinary(expression, scope);
    case "type": {
      const node = single(scope.evaluate(expression.operand, {}));
      const matches = node !== undefined && isOfType(scope.types, node, expression.type);
      if (expression.operator === "as") {
        return node !== undefined && matches ? [node] : [];
      }
      return node === undefined ? [] : [system("Boolean", matches)];
    }
  }
}

/** The node of a literal. */
export function literalNode({ type, value, unit, digits, position }: Literal): Node {
  if (type === "Quantity") {
    const calendar = !unit?.startsWith("'");
    const name = calendar ? (unit ?? "1") : (unit ?? "").slice(1, -1);
    return quantityNode({ value: Number(value), unit: name, calendar });
  }
  if (type === "Integer" && !Number.isSafeInteger(value)) {
    throw new FmlSyntaxError("the number is too large", position);
  }
  return digits === undefined ? system(type, value) : { ...system(type, value), digits };
}

function evaluateMember({ target, name }: Member, scope: Scope): Nodes {
  if (target !== undefined) {
    return scope.evaluate(target, {}).flatMap((node) => read(node, name, scope));
  }
  const variable = scope.variables.get(name);
  if (variable !== undefined) {
    return variable;
  }
  return scope.self.flatMap((node) => {
    const isType = node.type !== undefined && isSubtype(scope.types, node.type, name);
    return isType ? [node] : read(node, name, scope);
  });
}

const read = (node: Node, name: string, { types, holdsToModel }: Scope): Nodes =>
  holdsToModel ? checkedChildren(node, name, types) : childrenOf(node, name, types);

function evaluateCall({ target, name, args }: Call, scope: Scope): Nodes {
  const known = pathFunctions.get(name);
  if (known === undefined) {
    throw new FhirPathError(`the function ${name} is not known`);
  }
  if (args.length < known.min || args.length > known.max) {
    throw new FhirPathError(`${name} takes ${known.min} to ${known.max} arguments`);
  }
  return known.run(target === undefined ? scope.self : scope.evaluate(target, {}), args, scope);
}

function evaluateSpecial(name: "this" | "index" | "total", scope: Scope): Nodes {
  if (name === "this") {
    return scope.self;
  }
  if (name === "total") {
    return scope.total ?? [];
  }
  return scope.index === undefined ? [] : [system("Integer", scope.index)];
}

const constants: ReadonlyMap<string, string> = new Map(
  Object.entries({
    sct: "http://snomed.info/sct",
    loinc: "http://loinc.org",
    ucum: "http://unitsofmeasure.org",
  }),
);

// FHIR R4 fhirpath: variables that FHIR adds
const environment: Readonly<Record<string, (scope: Scope) => Nodes>> = {
  context: ({ context }) => context,
  resource: ({ resource }) => resource,
  rootResource: ({ root }) => root,
};

function evaluateConstant(name: string, scope: Scope): Nodes {
  const variable = scope.variables.get(name);
  if (variable !== undefined) {
    return variable;
  }
  const known = environment[name]?.(scope);
  if (known !== undefined) {
    return known;
  }
  const url = /^(vs|ext)-(.+)$/.exec(name);
  if (url !== null) {
    return text(`http://hl7.org/fhir/${url[1] === "vs" ? "ValueSet" : "StructureDefinition"}/${url[2]}`);
  }
  const constant = constants.get(name);
  if (constant === undefined) {
    throw new FhirPathError(`%${name} is not known`);
  }
  return text(constant);
}

function evaluateUnary(operator: "+" | "-", nodes: Nodes): Nodes {
  const node = single(nodes);
  if (node === undefined || operator === "+") {
    return nodes;
  }
  if (node.type === "System.Quantity") {
    const { value, ...unit } = node.value as { value: number };
    return [{ ...node, value: { ...unit, value: -value } }];
  }
  if (typeof node.value !== "number") {
    throw new FhirPathError("a number was expected");
  }
  const digits = node.digits === undefined ? {} : { digits: `-${node.digits}` };
  return [{ type: node.type, value: -node.value, ...digits }];
}
