import { FhirPathError } from "./errors.ts";
import type { Quantity } from "./fhirpath-node.ts";

/**
 * A date, dateTime or time of any precision: as many fields as were written (year … second), seconds with their
 * fraction. `fraction` is the number of written digits after the second's point; `offset` is in minutes.
 */
export interface Temporal {
  readonly kind: "Date" | "DateTime" | "Time";
  readonly fields: readonly number[];
  readonly fraction: number;
  readonly offset: number | undefined;
}

const pattern =
  /^(?:(\d{4})(?:-(\d\d)(?:-(\d\d))?)?)?(T)?(?:(\d\d)(?::(\d\d)(?::(\d\d(?:\.(\d+))?))?)?)?(Z|[+-]\d\d:\d\d)?$/;
const ucumTime: ReadonlyMap<string, string> = new Map(
  Object.entries({
    d: "day",
    wk: "week",
    h: "hour",
    min: "minute",
    s: "second",
    ms: "millisecond",
  }),
);
const milliseconds: Readonly<Record<string, number>> = {
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
};

function daysIn(year: number, month: number): number {
  return month === 2
    ? new Date(Date.UTC(2000 + (year % 400), 2, 0)).getUTCDate()
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31;
}

function inRange([
  year = 1,
  month = 1,
  day = 1,
  hour = 0,
  minute = 0,
  second = 0,
]: readonly number[]): boolean {
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  return isDate && hour < 24 && minute < 60 && second < 60;
}

function offsetOf(zone: string | undefined): number | undefined {
  if (zone === undefined) {
    return undefined;
  }
  const minutes = zone === "Z" ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return zone.startsWith("-") ? -minutes : minutes;
}

/** Reads ISO 8601 text as FHIR and FHIRPath write it; undefined if it is not a date of the calendar (31.02). */
export function parseTemporal(written: string, kind?: Temporal["kind"]): Temporal | undefined {
  const isTime = kind === "Time";
  const match = pattern.exec(isTime && !written.startsWith("T") ? `T${written}` : written);
  if (match === null) {
    return undefined;
  }
  const [, year, month, day, separator, hour, minute, second, fraction = "", zone] = match;
  const clock = numbersOf([hour, minute, second]);
  const calendar = numbersOf([year, month, day]);
  if (!isWhole(isTime, calendar, clock, zone) || !inRange([...(isTime ? [1, 1, 1] : calendar), ...clock])) {
    return undefined;
  }
  const found = separator === undefined ? "Date" : isTime ? "Time" : "DateTime";
  const fields = isTime ? clock : [...calendar, ...clock];
  return { kind: kind ?? found, fields, fraction: fraction.length, offset: offsetOf(zone) };
}

const numbersOf = (parts: readonly (string | undefined)[]) =>
  parts.filter((part) => part !== undefined).map(Number);

// a clock needs a whole date before it, a zone needs minutes, and a time has neither date nor zone
function isWhole(
  isTime: boolean,
  calendar: readonly number[],
  clock: readonly number[],
  zone: string | undefined,
): boolean {
  if (isTime) {
    return calendar.length === 0 && zone === undefined;
  }
  const isDate = calendar.length > 0 && (clock.length === 0 || calendar.length === 3);
  return isDate && (zone === undefined || clock.length >= 2);
}

const pad = (value: number, width: number) => String(value).padStart(width, "0");

function formatZone(offset: number | undefined): string {
  if (offset === undefined) {
    return "";
  }
  const minutes = Math.abs(offset);
  return offset === 0
    ? "Z"
    : `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`;
}

function formatSecond(second: number, fraction: number): string {
  return fraction === 0 ? pad(second, 2) : second.toFixed(fraction).padStart(fraction + 3, "0");
}

/** The ISO text of a temporal, with the precision that it has. */
export function formatTemporal({ kind, fields, fraction, offset }: Temporal): string {
  const clockStart = kind === "Time" ? 0 : 3;
  const calendar =
    kind === "Time"
      ? ""
      : fields
          .slice(0, 3)
          .map((f, i) => pad(f, i === 0 ? 4 : 2))
          .join("-");
  const clock = fields
    .slice(clockStart)
    .map((f, i) => (i === 2 ? formatSecond(f, fraction) : pad(f, 2)))
    .join(":");
  return clock === "" ? calendar : `${kind === "Time" ? "" : `${calendar}T`}${clock}${formatZone(offset)}`;
}

function toUtc(value: Temporal): readonly number[] {
  if (!value.offset || value.fields.length < 5) {
    return value.fields;
  }
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, ...rest] = value.fields;
  const moved = new Date(Date.UTC(year, month - 1, day, hour, minute - value.offset));
  const { length } = value.fields;
  const fields = [
    moved.getUTCFullYear(),
    moved.getUTCMonth() + 1,
    moved.getUTCDate(),
    moved.getUTCHours(),
    moved.getUTCMinutes(),
  ];
  return [...fields, ...rest].slice(0, length);
}

/** Negative, zero or positive; undefined where different precisions or a missing zone leave it open. */
export function compareTemporals(left: Temporal, right: Temporal): number | undefined {
  const clocks = left.fields.length > 3 && right.fields.length > 3;
  if (clocks && left.kind === "DateTime" && (left.offset === undefined) !== (right.offset === undefined)) {
    return undefined;
  }
  const [a, b] = clocks ? [toUtc(left), toUtc(right)] : [left.fields, right.fields];
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length === b.length ? 0 : undefined;
}

function wordOf({ unit, calendar }: Quantity): { word: string; scale: number } {
  const word = calendar ? unit.replace(/s$/, "") : ucumTime.get(unit);
  if (word === undefined) {
    throw new FhirPathError("a date takes only a quantity of time");
  }
  if (word === "week") {
    return { word: "day", scale: 7 };
  }
  return { word, scale: 1 };
}

/** Adds an amount of time; months end on the month's last day, what the precision cannot hold is cut. */
export function addToTemporal(value: Temporal, quantity: Quantity): Temporal {
  const { word, scale } = wordOf(quantity);
  const amount = Math.trunc(quantity.value * scale + Math.sign(quantity.value) * 1e-9);
  if (value.kind !== "Time" && (word === "year" || word === "month")) {
    return addMonths(value, word === "year" ? amount * 12 : amount);
  }
  const step = word === "millisecond" ? 1 : (milliseconds[word] ?? 0);
  if (value.kind === "Time" && step >= 86_400_000) {
    return value;
  }
  return value.kind === "Time" || value.fields.length >= 3
    ? addMilliseconds(value, amount * step)
    : addDaysRoughly(value, (amount * step) / 86_400_000);
}

// FHIRPath 2.0 section 6.6.1: to a year or month, days are added as years of 365 and months of 30 days
function addDaysRoughly(value: Temporal, days: number): Temporal {
  return addMonths(value, value.fields.length === 1 ? Math.trunc(days / 365) * 12 : Math.trunc(days / 30));
}

function addMonths(value: Temporal, amount: number): Temporal {
  const [year = 1, month = 1, day = 1, ...clock] = value.fields;
  const index = year * 12 + (month - 1) + (value.fields.length === 1 ? Math.trunc(amount / 12) * 12 : amount);
  const toYear = Math.floor(index / 12);
  const toMonth = (index % 12) + 1;
  if (toYear < 1 || toYear > 9999) {
    throw new FhirPathError("the date leaves the years 1 to 9999");
  }
  const toDay = Math.min(day, daysIn(toYear, toMonth));
  return { ...value, fields: [toYear, toMonth, toDay, ...clock].slice(0, value.fields.length) };
}

function addMilliseconds(value: Temporal, amount: number): Temporal {
  const isTime = value.kind === "Time";
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = isTime
    ? [1970, 1, 1, ...value.fields]
    : value.fields;
  const moved = new Date(Date.UTC(2000, month - 1, day, hour, minute, 0, Math.round(second * 1000)));
  moved.setUTCFullYear(year, month - 1, day);
  moved.setTime(moved.getTime() + amount);
  const calendar = [moved.getUTCFullYear(), moved.getUTCMonth() + 1, moved.getUTCDate()];
  const seconds = moved.getUTCSeconds() + moved.getUTCMilliseconds() / 1000;
  const clock = [
    moved.getUTCHours(),
    moved.getUTCMinutes(),
    value.fraction === 0 ? Math.floor(seconds) : seconds,
  ];
  const fields = isTime ? clock : [...calendar, ...clock];
  return { ...value, fields: fields.slice(0, value.fields.length) };
}
