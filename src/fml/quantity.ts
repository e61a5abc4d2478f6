import type { Node, Quantity } from "./fhirpath-node.ts";
import { isObject } from "./fhirpath-node.ts";

const calendarUcum: ReadonlyMap<string, string> = new Map(
  Object.entries({
    week: "wk",
    day: "d",
    hour: "h",
    minute: "min",
    second: "s",
    millisecond: "ms",
  }),
);
const prefixes: Readonly<Record<string, number>> = {
  k: 1e3,
  h: 1e2,
  d: 1e-1,
  c: 1e-2,
  m: 1e-3,
  u: 1e-6,
  n: 1e-9,
  p: 1e-12,
};
const seconds: ReadonlyMap<string, number> = new Map(
  Object.entries({
    s: 1,
    min: 60,
    h: 3600,
    d: 86_400,
    wk: 604_800,
  }),
);
const bases = ["mol", "g", "m", "s", "L", "l"];

interface Canonical {
  readonly factor: number;
  readonly dimensions: Readonly<Record<string, number>>;
}

function atom(unit: string): Canonical | undefined {
  if (unit === "1") {
    return { factor: 1, dimensions: {} };
  }
  if (unit === "%") {
    return { factor: 0.01, dimensions: {} };
  }
  const time = seconds.get(unit);
  if (time !== undefined) {
    return { factor: time, dimensions: { s: 1 } };
  }
  const base = bases.find(
    (candidate) => unit === candidate || (unit.endsWith(candidate) && unit.length === candidate.length + 1),
  );
  const factor = base === undefined ? undefined : unit === base ? 1 : prefixes[unit.charAt(0)];
  if (base === undefined || factor === undefined) {
    return undefined;
  }
  return { factor, dimensions: { [base.toUpperCase() === "L" ? "L" : base]: 1 } };
}

// the part of UCUM that the maps meet: metric prefixes, powers, products and quotients; no special units
function canonical(unit: string): Canonical {
  let whole: Canonical = { factor: 1, dimensions: {} };
  for (const [, operator, part = ""] of unit.matchAll(/(^|[./])([^./]+)/g)) {
    const [, name = part, exponent = "1"] = /^([A-Za-z%[\]_]+|1)(-?\d+)?$/.exec(part) ?? [];
    const own = atom(name) ?? { factor: 1, dimensions: { [name]: 1 } };
    whole = times(whole, own, operator === "/" ? -Number(exponent) : Number(exponent));
  }
  return whole;
}

function times(whole: Canonical, part: Canonical, power: number): Canonical {
  const dimensions = { ...whole.dimensions };
  for (const [name, count] of Object.entries(part.dimensions)) {
    dimensions[name] = (dimensions[name] ?? 0) + count * power;
  }
  return { factor: whole.factor * part.factor ** power, dimensions };
}

const signature = ({ dimensions }: Canonical) =>
  Object.entries(dimensions)
    .filter(([, power]) => power !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, power]) => (power === 1 ? name : `${name}${power}`))
    .join(".");

/** Reads a FHIR Quantity or a System.Quantity; undefined if the node is neither or has no value. */
export function quantityOf(node: Node): Quantity | undefined {
  if (typeof node.value === "number") {
    return { value: node.value, unit: "1", calendar: false };
  }
  if (!isObject(node.value) || typeof node.value["value"] !== "number") {
    return undefined;
  }
  const { value, unit, code, calendar } = node.value;
  const written = node.type === "System.Quantity" ? unit : (code ?? unit);
  return { value, unit: typeof written === "string" ? written : "1", calendar: calendar === true };
}

function unitOf({ unit, calendar }: Quantity): string {
  const word = unit.replace(/s$/, "");
  return calendar ? (calendarUcum.get(word) ?? word) : unit;
}

/** The difference of two quantities in the canonical unit; undefined when their units do not compare. */
export function compareQuantities(
  left: Quantity,
  right: Quantity,
): { left: number; right: number } | undefined {
  const [leftUnit, rightUnit] = [unitOf(left), unitOf(right)];
  if (leftUnit === rightUnit) {
    return { left: left.value, right: right.value };
  }
  const [a, b] = [canonical(leftUnit), canonical(rightUnit)];
  return signature(a) === signature(b)
    ? { left: cleanNumber(left.value * a.factor), right: cleanNumber(right.value * b.factor) }
    : undefined;
}

/** Product (power 1) or quotient (power -1) of two quantities, in canonical units. */
export function combineQuantities(left: Quantity, right: Quantity, power: 1 | -1): Quantity {
  const [a, b] = [canonical(unitOf(left)), canonical(unitOf(right))];
  const { dimensions } = times(a, b, power);
  const value = left.value * a.factor * (right.value * b.factor) ** power;
  return { value: cleanNumber(value), unit: signature({ factor: 1, dimensions }) || "1", calendar: false };
}

/** Cuts the noise of binary fractions: 0.1 + 0.2 is 0.3. */
export function cleanNumber(value: number): number {
  return Number(value.toPrecision(15));
}
