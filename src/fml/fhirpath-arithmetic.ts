import { FhirPathError } from "./errors.ts";
import { temporalOf } from "./fhirpath-equality.ts";
import { type Node, type Quantity, system, systemType, text } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { cleanNumber, combineQuantities, compareQuantities, quantityOf } from "./quantity.ts";
import { addToTemporal, formatTemporal } from "./temporal.ts";
import type { TypeTable } from "./types.ts";

type Nodes = readonly Node[];

/** A binary operator on two collections. */
export type Operator = (left: Nodes, right: Nodes, types: TypeTable) => Nodes;

/** A System.Quantity node. */
export function quantityNode({ value, unit, calendar }: Quantity): Node {
  return system("Quantity", calendar ? { value, unit, calendar } : { value, unit });
}

function addQuantities(a: Node, b: Node, sign: 1 | -1): Nodes {
  const [left, right] = [quantityOf(a), quantityOf(b)];
  const compared = left === undefined || right === undefined ? undefined : compareQuantities(left, right);
  if (left === undefined || compared === undefined) {
    return [];
  }
  const value = cleanNumber(((compared.left + sign * compared.right) * left.value) / (compared.left || 1));
  return [quantityNode({ ...left, value: compared.left === 0 ? sign * compared.right : value })];
}

function addTime(types: TypeTable, a: Node, b: Node, sign: 1 | -1): Nodes | undefined {
  const temporal = temporalOf(types, a);
  const quantity = temporal === undefined ? undefined : quantityOf(b);
  if (temporal === undefined) {
    return undefined;
  }
  if (quantity === undefined || typeof b.value === "number") {
    throw new FhirPathError("a date takes only a quantity of time");
  }
  const sum = addToTemporal(temporal, { ...quantity, value: quantity.value * sign });
  return [{ type: a.type, value: formatTemporal(sum) }];
}

const numberNode = (value: number, whole: boolean): Nodes =>
  Number.isFinite(value) ? [system(whole ? "Integer" : "Decimal", whole ? value : cleanNumber(value))] : [];

const isWhole = (types: TypeTable, ...nodes: Nodes) => nodes.every((n) => systemType(types, n) === "Integer");

function arithmetic(apply: (a: Node, b: Node, types: TypeTable) => Nodes): Operator {
  return (left, right, types) => {
    const [a, b] = [single(left), single(right)];
    return a === undefined || b === undefined ? [] : apply(a, b, types);
  };
}

function numbers(a: Node, b: Node): readonly [number, number] {
  if (typeof a.value !== "number" || typeof b.value !== "number") {
    throw new FhirPathError("numbers were expected");
  }
  return [a.value, b.value];
}

const add = arithmetic((a, b, types) => {
  if (typeof a.value === "string" && typeof b.value === "string" && temporalOf(types, a) === undefined) {
    return text(a.value + b.value);
  }
  if (systemType(types, a) === "Quantity") {
    return addQuantities(a, b, 1);
  }
  const moved = addTime(types, a, b, 1);
  if (moved !== undefined) {
    return moved;
  }
  const [x, y] = numbers(a, b);
  return numberNode(x + y, isWhole(types, a, b));
});

const subtract = arithmetic((a, b, types) => {
  if (systemType(types, a) === "Quantity") {
    return addQuantities(a, b, -1);
  }
  const moved = addTime(types, a, b, -1);
  if (moved !== undefined) {
    return moved;
  }
  const [x, y] = numbers(a, b);
  return numberNode(x - y, isWhole(types, a, b));
});

function scaled(power: 1 | -1): Operator {
  return arithmetic((a, b, types) => {
    const [left, right] = [quantityOf(a), quantityOf(b)];
    const quantities = [a, b].some((n) => systemType(types, n) === "Quantity");
    if (quantities && left !== undefined && right !== undefined) {
      return right.value === 0 && power === -1 ? [] : [quantityNode(combineQuantities(left, right, power))];
    }
    const [x, y] = numbers(a, b);
    return power === 1 ? numberNode(x * y, isWhole(types, a, b)) : numberNode(x / y, false);
  });
}

const whole = (apply: (x: number, y: number) => number) =>
  arithmetic((a, b, types) => {
    const [x, y] = numbers(a, b);
    return y === 0 ? [] : numberNode(apply(x, y), isWhole(types, a, b));
  });

/** FHIRPath 2.0 section 6.6, without `&`: on numbers, texts, quantities and dates. */
export const arithmeticOperators: Readonly<Record<string, Operator>> = {
  "+": add,
  "-": subtract,
  "*": scaled(1),
  "/": scaled(-1),
  div: arithmetic((a, b) => {
    const [x, y] = numbers(a, b);
    return y === 0 ? [] : numberNode(Math.trunc(cleanNumber(x / y)), true);
  }),
  mod: whole((x, y) => x % y),
};
