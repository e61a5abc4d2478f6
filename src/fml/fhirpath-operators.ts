import { FhirPathError } from "./errors.ts";
import { arithmeticOperators, type Operator } from "./fhirpath-arithmetic.ts";
import type { Binary } from "./fhirpath-ast.ts";
import {
  distinctNodes,
  equalCollections,
  equivalentCollections,
  includes,
  temporalOf,
} from "./fhirpath-equality.ts";
import { bool, type Node, type Scope, systemType, text } from "./fhirpath-node.ts";
import { single, truth } from "./fhirpath-singleton.ts";
import { compareQuantities, quantityOf } from "./quantity.ts";
import { compareTemporals } from "./temporal.ts";
import type { TypeTable } from "./types.ts";

type Nodes = readonly Node[];
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
  ...arithmeticOperators,
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
    const other = left === undefined ? undefined : right();
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

// an empty left side decides
const emptyOnEmpty = new Set(["=", "!=", "<", ">", "<=", ">=", "+"]);

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
  return first.length === 0 && emptyOnEmpty.has(operator)
    ? []
    : apply(first, scope.evaluate(right, {}), scope.types);
}
