import { isObject, type Node, systemType } from "./fhirpath-node.ts";
import { cleanNumber, compareQuantities, quantityOf } from "./quantity.ts";
import { compareTemporals, parseTemporal, type Temporal } from "./temporal.ts";
import type { TypeTable } from "./types.ts";

const temporalTypes = new Set(["Date", "DateTime", "Time"]);
const numeric = new Set(["Integer", "Decimal", "Long"]);

/** Reads a node as a date, dateTime or time. */
export function temporalOf(types: TypeTable, node: Node): Temporal | undefined {
  const type = systemType(types, node);
  return typeof node.value === "string" && type !== undefined && temporalTypes.has(type)
    ? parseTemporal(node.value, type as Temporal["kind"])
    : undefined;
}

// FHIRPath 2.0 section 5.5: a date and a dateTime compare to the precision that both have
function equalTemporals(a: Temporal, b: Temporal): boolean | undefined {
  if ((a.kind === "Time") !== (b.kind === "Time")) {
    return false;
  }
  const order = compareTemporals(a, b);
  return order === undefined ? undefined : order === 0;
}

function equalComplex(types: TypeTable, a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => equalComplex(types, item, b[i]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => equalComplex(types, a[key], b[key]));
  }
  return a === b;
}

function equalQuantities(a: Node, b: Node): boolean | undefined {
  const [left, right] = [quantityOf(a), quantityOf(b)];
  if (left === undefined || right === undefined) {
    return false;
  }
  // a calendar year or month is no fixed number of days, so it never equals a definite one
  const vague = (unit: string) => /^(year|month)s?$/.test(unit);
  if (left.calendar !== right.calendar && (vague(left.unit) || vague(right.unit))) {
    return undefined;
  }
  const compared = compareQuantities(left, right);
  return compared === undefined ? undefined : compared.left === compared.right;
}

/** The operator `=` on two items; undefined where the answer is open. */
function equalNodes(types: TypeTable, a: Node, b: Node): boolean | undefined {
  const [left, right] = [systemType(types, a) ?? "", systemType(types, b) ?? ""];
  if (numeric.has(left) && numeric.has(right)) {
    return cleanNumber(Number(a.value)) === cleanNumber(Number(b.value));
  }
  if (left === "Quantity" || right === "Quantity") {
    return equalQuantities(a, b);
  }
  const [leftTime, rightTime] = [temporalOf(types, a), temporalOf(types, b)];
  if (leftTime !== undefined && rightTime !== undefined) {
    return equalTemporals(leftTime, rightTime);
  }
  return equalComplex(types, a.value, b.value);
}

/** The operator `=` on two collections of one length, in order; undefined where the answer is open. */
export function equalCollections(
  types: TypeTable,
  a: readonly Node[],
  b: readonly Node[],
): boolean | undefined {
  if (a.length !== b.length) {
    return false;
  }
  let open = false;
  for (const [i, left] of a.entries()) {
    const right = b[i];
    const equal = right === undefined ? false : equalNodes(types, left, right);
    if (equal === false) {
      return false;
    }
    open ||= equal === undefined;
  }
  return open ? undefined : true;
}

const places = (node: Node) => (node.digits ?? String(node.value)).split(".")[1]?.length ?? 0;
const folded = (value: unknown) =>
  typeof value === "string" ? value.trim().replace(/\s+/g, " ").toLowerCase() : value;

function equivalentValues(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item) => b.some((other) => equivalentValues(item, other)));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a).filter((key) => key !== "id");
    return (
      keys.length === Object.keys(b).filter((key) => key !== "id").length &&
      keys.every((key) => equivalentValues(a[key], b[key]))
    );
  }
  return folded(a) === folded(b);
}

/** The operator `~` on two items: decimals to the lesser precision, strings without case and extra white space. */
function equivalentNodes(types: TypeTable, a: Node, b: Node): boolean {
  const [left, right] = [systemType(types, a) ?? "", systemType(types, b) ?? ""];
  if (numeric.has(left) && numeric.has(right)) {
    const scale = 10 ** Math.min(places(a), places(b));
    return Math.round(Number(a.value) * scale) === Math.round(Number(b.value) * scale);
  }
  if (left === "Quantity" || right === "Quantity") {
    const [l, r] = [quantityOf(a), quantityOf(b)];
    const compared = l === undefined || r === undefined ? undefined : compareQuantities(l, r);
    return (
      compared !== undefined && Math.abs(compared.left - compared.right) <= Math.abs(compared.left) * 0.01
    );
  }
  const [leftTime, rightTime] = [temporalOf(types, a), temporalOf(types, b)];
  if (leftTime !== undefined && rightTime !== undefined) {
    return equalTemporals(leftTime, rightTime) === true;
  }
  return equivalentValues(a.value, b.value);
}

/** The operator `~` on two collections, in any order. */
export function equivalentCollections(types: TypeTable, a: readonly Node[], b: readonly Node[]): boolean {
  if (a.length !== b.length) {
    return false;
  }
  const left = [...b];
  return a.every((node) => {
    const found = left.findIndex((other) => equivalentNodes(types, node, other));
    if (found !== -1) {
      left.splice(found, 1);
    }
    return found !== -1;
  });
}

/** Whether a collection holds an item equal to this one. */
export function includes(types: TypeTable, nodes: readonly Node[], node: Node): boolean {
  return nodes.some((other) => equalNodes(types, other, node) === true);
}

/** The collection without repeats, first ones kept. */
export function distinctNodes(types: TypeTable, nodes: readonly Node[]): readonly Node[] {
  // the links of a Bundle are thousands of texts: no comparing of each with each
  if (nodes.length > 20 && nodes.every((node) => systemType(types, node) === "String")) {
    const seen = new Set<unknown>();
    return nodes.filter(({ value }) => seen.size < seen.add(value).size);
  }
  const kept: Node[] = [];
  for (const node of nodes) {
    if (!includes(types, kept, node)) {
      kept.push(node);
    }
  }
  return kept;
}
