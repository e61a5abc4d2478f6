import { FhirPathError } from "./errors.ts";
import type { Binary } from "./fhirpath-ast.ts";
import {
  distinctNodes,
  equalCollections,
  equivalentCollections,
  includes,
  temporalOf,
} from "./fhirpath-equality.ts";
import { bool, type Node, type Quantity, type Scope, system, systemType, text } from "./fhirpath-node.ts";
import { cleanNumber, combineQuantities, compareQuantities, quantityOf } from "./quantity.ts";
import { addToTemporal, compareTemporals, formatTemporal } from "./temporal.ts";
import type { TypeTable } from "./types.ts";

type Nodes = readonly Node[];
type Operator = (left: Nodes, right: Nodes, types: TypeTable) => Nodes;

/** The only item of a collection, or undefined if it is empty. Throws FhirPathError on several items. */
export function single(nodes: Nodes): Node | undefined {
  if (nodes.length > 1) {
    throw new FhirPathError("one item was expected, several were found");
  }
  return nodes[0];
}

/** A collection in a place that takes a boolean: a lone item that is no boolean counts as true. */
export function truth(types: TypeTable, nodes: Nodes): boolean | undefined {
  const node = single(nodes);
  if (node === undefined) {
    return undefined;
  }
  return systemType(types, node) === "Boolean" ? node.value === true : true;
}

const negate = (value: boolean | undefined) => (value === undefined ? undefined : !value);

function compare(left: Nodes, right: Nodes, types: TypeTable): number | undefined {
  const [a, b] = [single(left), single(right)];
  if (a === undefined || b === undefined) {
    return undefined;
  }
  const [time, otherTime] = [temporalOf(types, a), temporalOf(types, b)];
  if (
    time !== undefined &&
    otherTime !== undefined &&
    (time.kind === "Time") === (otherTime.kind === "Time")
  ) {
    return compareTemporals(time, otherTime);
  }
  const kinds = [a, b].map((node) => systemType(types, node) ?? "a complex type");
  if (kinds.includes("Quantity")) {
    return compareAmounts(a, b);
  }
  if (typeof a.value === "number" && typeof b.value === "number") {
    return a.value - b.value;
  }
  if (kinds.every((kind) => kind === "String")) {
    return compareTexts(String(a.value), String(b.value));
  }
  throw new FhirPathError(`${kinds.join(" and ")} have no order`);
}

function compareAmounts(a: Node, b: Node): number | undefined {
  const [left, right] = [quantityOf(a), quantityOf(b)];
  const compared = left === undefined || right === undefined ? undefined : compareQuantities(left, right);
  return compared === undefined ? undefined : compared.left - compared.right;
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a === b ? 0 : 1);

function order(test: (difference: number) => boolean): Operator {
  return (left, right, types) => {
    const difference = compare(left, right, types);
    return bool(difference === undefined ? undefined : test(difference));
  };
}

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

const asText = (nodes: Nodes) => {
  const node = single(nodes);
  if (node !== undefined && typeof node.value !== "string") {
    throw new FhirPathError("a string was expected");
  }
  return (node?.value as string | undefined) ?? "";
};

const open: Operator = (left, right, types) =>
  left.length === 0 || right.length === 0 ? [] : bool(equalCollections(types, left, right));

const operators: Readonly<Record<string, Operator>> = {
  "+": add,
  "-": subtract,
  "*": scaled(1),
  "/": scaled(-1),
  div: arithmetic((a, b) => {
    const [x, y] = numbers(a, b);
    return y === 0 ? [] : numberNode(Math.trunc(cleanNumber(x / y)), true);
  }),
  mod: whole((x, y) => x % y),
  "&": (left, right) => text(asText(left) + asText(right)),
  "|": (left, right, types) => distinctNodes(types, [...left, ...right]),
  "=": open,
  "!=": (left, right, types) => bool(negate(open(left, right, types)[0]?.value as boolean | undefined)),
  "~": (left, right, types) => bool(equivalentCollections(types, left, right)),
  "!~": (left, right, types) => bool(!equivalentCollections(types, left, right)),
  "<": order((difference) => difference < 0),
  ">": order((difference) => difference > 0),
  "<=": order((difference) => difference <= 0),
  ">=": order((difference) => difference >= 0),
  in: (left, right, types) => {
    const node = single(left);
    return node === undefined ? [] : bool(includes(types, right, node));
  },
  contains: (left, right, types) => {
    const node = single(right);
    return node === undefined ? [] : bool(includes(types, left, node));
  },
};

/** FHIRPath 2.0 section 6.5: three-valued logic; the right side is evaluated only when it can matter. */
const logic: Readonly<
  Record<string, (left: boolean | undefined, right: () => boolean | undefined) => boolean | undefined>
> = {
  and: (left, right) => {
    const other = left === false ? false : right();
    return left === false || other === false
      ? false
      : left === undefined || other === undefined
        ? undefined
        : true;
  },
  or: (left, right) => {
    const other = left === true ? true : right();
    return left === true || other === true
      ? true
      : left === undefined || other === undefined
        ? undefined
        : false;
  },
  xor: (left, right) => {
    const other = right();
    return left === undefined || other === undefined ? undefined : left !== other;
  },
  implies: (left, right) => {
    const other = left === false ? true : right();
    return left === false || other === true
      ? true
      : left === undefined || other === undefined
        ? undefined
        : false;
  },
};

/** Evaluates a binary operator; its sides are evaluated in the given scope. */
export function evaluateBinary({ operator, left, right }: Binary, scope: Scope): Nodes {
  const logical = logic[operator];
  const first = scope.evaluate(left, {});
  if (logical !== undefined) {
    return bool(logical(truth(scope.types, first), () => truth(scope.types, scope.evaluate(right, {}))));
  }
  const apply = operators[operator];
  if (apply === undefined) {
    throw new FhirPathError(`the operator ${operator} is not known`);
  }
  return apply(first, scope.evaluate(right, {}), scope.types);
}
