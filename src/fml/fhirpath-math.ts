import { FhirPathError } from "./errors.ts";
import { quantityNode } from "./fhirpath-arithmetic.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { type Node, type PathFunction, type Scope, system } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { cleanNumber, quantityOf } from "./quantity.ts";

type Nodes = readonly Node[];

const integer = (value: number): Nodes => (Number.isFinite(value) ? [system("Integer", value)] : []);
const decimal = (value: number): Nodes =>
  Number.isFinite(value) ? [system("Decimal", cleanNumber(value))] : [];

function numberOf(nodes: Nodes): number | undefined {
  const node = single(nodes);
  if (node !== undefined && typeof node.value !== "number") {
    throw new FhirPathError("a number was expected");
  }
  return node?.value as number | undefined;
}

const argument = (expression: Expression | undefined, scope: Scope) =>
  expression === undefined ? undefined : numberOf(scope.evaluate(expression, {}));

const onNumber = (run: (value: number) => Nodes): PathFunction => ({
  min: 0,
  max: 0,
  run(input) {
    const value = numberOf(input);
    return value === undefined ? [] : run(value);
  },
});

function round(value: number, places: number): number {
  if (places < 0) {
    throw new FhirPathError("round wants no negative precision");
  }
  const scale = 10 ** places;
  return Math.round(cleanNumber(value * scale)) / scale;
}

function abs(input: Nodes): Nodes {
  const node = single(input);
  const quantity = node === undefined || typeof node.value === "number" ? undefined : quantityOf(node);
  if (quantity !== undefined) {
    return [quantityNode({ ...quantity, value: Math.abs(quantity.value) })];
  }
  const value = numberOf(input);
  return value === undefined || node === undefined ? [] : [{ type: node.type, value: Math.abs(value) }];
}

function power(input: Nodes, [exponent]: readonly Expression[], scope: Scope): Nodes {
  const [base, to] = [numberOf(input), argument(exponent, scope)];
  if (base === undefined || to === undefined) {
    return [];
  }
  const isWhole = Number.isInteger(base) && Number.isInteger(to) && to >= 0;
  return isWhole ? integer(base ** to) : decimal(base ** to);
}

/** FHIRPath 2.0 section 5.7. */
export const mathFunctions: Readonly<Record<string, PathFunction>> = {
  abs: { min: 0, max: 0, run: abs },
  ceiling: onNumber((value) => integer(Math.ceil(value))),
  floor: onNumber((value) => integer(Math.floor(value))),
  truncate: onNumber((value) => integer(Math.trunc(value))),
  exp: onNumber((value) => decimal(Math.exp(value))),
  ln: onNumber((value) => decimal(Math.log(value))),
  sqrt: onNumber((value) => decimal(Math.sqrt(value))),
  log: {
    min: 1,
    max: 1,
    run(input, [base], scope) {
      const [value, to] = [numberOf(input), argument(base, scope)];
      return value === undefined || to === undefined ? [] : decimal(Math.log(value) / Math.log(to));
    },
  },
  power: { min: 1, max: 1, run: power },
  round: {
    min: 0,
    max: 1,
    run(input, [places], scope) {
      const value = numberOf(input);
      return value === undefined ? [] : decimal(round(value, argument(places, scope) ?? 0));
    },
  },
};
