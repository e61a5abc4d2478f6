import type { Typed } from "./expression.ts";
import { dateRangeOf, type Range } from "./range.ts";

const partsOfName = ["text", "family", "given", "prefix", "suffix"];
const partsOfAddress = ["text", "line", "city", "district", "state", "postalCode", "country"];

/** The strings that a string parameter compares: each part of a name or an address by itself. */
export function textsOf({ type, value }: Typed): string[] {
  if (typeof value === "string") return [value];
  if (type === "HumanName") return partsOf(value, partsOfName);
  if (type === "Address") return partsOf(value, partsOfAddress);
  return [];
}

const partsOf = (value: unknown, names: readonly string[]): string[] =>
  names
    .flatMap((name) => (value as Record<string, unknown>)[name])
    .filter((part): part is string => typeof part === "string");

interface Period {
  start?: string;
  end?: string;
}

/** Times of a value; an open end of a Period is without bound. */
export function rangesOf({ type, value }: Typed): Range[] {
  if (typeof value === "string") return [dateRangeOf(value)].filter((range) => range !== undefined);
  if (type === "Period") return periodOf(value as Period);
  if (type !== "Timing") return [];
  const { event = [], repeat } = value as { event?: string[]; repeat?: { boundsPeriod?: Period } };
  const events = event.flatMap((one) => dateRangeOf(one) ?? []);
  return repeat?.boundsPeriod ? [...events, ...periodOf(repeat.boundsPeriod)] : events;
}

function periodOf({ start, end }: Period): Range[] {
  const from = start === undefined ? undefined : dateRangeOf(start);
  const to = end === undefined ? undefined : dateRangeOf(end);
  if (!from && !to) return [];
  return [{ low: from?.low ?? -Infinity, high: to?.high ?? Infinity }];
}

interface Quantity {
  value?: number;
  comparator?: string;
  unit?: string;
  system?: string;
  code?: string;
}

export interface MeasuredRange extends Range {
  /** under which units it may be asked for */
  readonly units: readonly string[][];
}

/** Numbers of a value: of a comparator one side is open, a Range is from its low to its high. */
export function quantitiesOf({ type, value }: Typed): MeasuredRange[] {
  if (typeof value === "number") return [{ low: value, high: value, units: [] }];
  if (type === "Range") return rangeOf(value as { low?: Quantity; high?: Quantity });
  if (type === "Money") return quantityOf(ofMoney(value as { value?: number; currency?: string }));
  return typeof value === "object" ? quantityOf(value as Quantity) : [];
}

function rangeOf({ low, high }: { low?: Quantity; high?: Quantity }): MeasuredRange[] {
  const unit = low ?? high;
  if (!unit) return [];
  return [{ low: low?.value ?? -Infinity, high: high?.value ?? Infinity, units: unitsOf(unit) }];
}

function quantityOf(quantity: Quantity): MeasuredRange[] {
  const { value, comparator = "" } = quantity;
  if (typeof value !== "number") return [];
  const low = comparator.startsWith("<") ? -Infinity : value;
  const high = comparator.startsWith(">") ? Infinity : value;
  return [{ low, high, units: unitsOf(quantity) }];
}

const ofMoney = ({ value, currency }: { value?: number; currency?: string }): Quantity => ({
  ...(value !== undefined && { value }),
  ...(currency !== undefined && { code: currency, system: "urn:iso:std:iso:4217" }),
});

function unitsOf({ system, code, unit }: Quantity): string[][] {
  const names = new Set([code, unit].filter((name) => name !== undefined));
  const units = [...names].map((name) => ["unit", name]);
  return system !== undefined && code !== undefined ? [...units, ["unit", system, code]] : units;
}
