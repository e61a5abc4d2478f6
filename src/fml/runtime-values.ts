import { convertNode } from "./fhirpath-conversion.ts";
import { isObject, system } from "./fhirpath-node.ts";
import { escapeText, unescapeText } from "./fhirpath-strings.ts";
import { parseTemporal } from "./temporal.ts";
import { systemTypes, type TypeTable } from "./types.ts";

/** Ends a conversion: `kind` says what was found, never its value. */
export type Refuse = (kind: string) => never;

/** The kind of a value, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) {
    return "null";
  }
  return Array.isArray(value) ? "array" : typeof value;
}

const noTypes: TypeTable = new Map();
const forms: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}(-\d\d(-\d\d)?)?$/,
  instant: /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  // FHIR wants seconds and a zone as soon as there is a time
  dateTime: /^(\d{4}(-\d\d(-\d\d)?)?|.*T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))$/,
};

const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a value is text of the form yyyy-MM-dd and in the calendar: almost every date, known without a pattern. */
export function isPlainDate(text: unknown): text is string {
  if (
    typeof text !== "string" ||
    text.length !== 10 ||
    text.charCodeAt(4) !== 45 ||
    text.charCodeAt(7) !== 45
  ) {
    return false;
  }
  const year = pair(text, 0) * 100 + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  if (year < 1 || month < 1 || month > 12 || day < 1) {
    return false;
  }
  return day <= 28 || day <= (month === 2 && isLeap(year) ? 29 : (monthDays[month] ?? 0));
}

// two digits; what is no digit makes a number too far down for any date
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  // a digit and the digit plus six both stay under sixteen
  return ((tens | (tens + 6) | ones | (ones + 6)) & ~15) === 0 ? tens * 10 + ones : -1_000_000;
}

const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** Checks that text is a date, dateTime, instant or time of FHIR and of the calendar; gives it back unchanged. */
export function checkedTime(type: string, value: unknown, refuse: Refuse): string {
  if (typeof value !== "string") {
    return refuse(kindOf(value));
  }
  if (type !== "instant" && type !== "time" && isPlainDate(value)) {
    return value;
  }
  const parsed =
    forms[type]?.test(value) !== false
      ? parseTemporal(value, type === "time" ? "Time" : undefined)
      : undefined;
  const isTime =
    type === "time" ? parsed?.fields.length === 3 : parsed !== undefined && parsed.kind !== "Time";
  return isTime ? value : refuse(`text that is no ${type}`);
}

const mostInteger = 2_147_483_647;
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  integer: [-mostInteger - 1, mostInteger],
  unsignedInt: [0, mostInteger],
  positiveInt: [1, mostInteger],
};

/** The transform `cast`: text to a number, a boolean, a date; anything to text. Decimal commas are refused. */
export function castTo(type: string, value: unknown, refuse: Refuse): unknown {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (isObject(value)) {
    return refuse("object");
  }
  const to = systemTypes[type] ?? "String";
  const converted = convertNode(to, system(systemKind(value), value), noTypes)?.value;
  if (converted === undefined) {
    return refuse(`${kindOf(value)} that is no ${type}`);
  }
  const [least, most] = ranges[type] ?? [-Infinity, Infinity];
  if (Number(converted) < least || Number(converted) > most) {
    return refuse(`number that is no ${type}`);
  }
  return to.startsWith("Date") || to === "Time" ? checkedTime(type, converted, refuse) : converted;
}

function systemKind(value: unknown): string {
  if (typeof value === "number") {
    return Number.isInteger(value) ? "Integer" : "Decimal";
  }
  return typeof value === "boolean" ? "Boolean" : "String";
}

const fields = ["yyyy", "MM", "dd", "HH", "mm", "ss"];

/** The transform `dateOp`: rewrites a date from one pattern of yyyy MM dd HH mm ss to another. */
export function rewriteDate(value: unknown, from: unknown, to: unknown, refuse: Refuse): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== "string") {
    return refuse(kindOf(value));
  }
  const parts = readByPattern(value, String(from));
  if (parts === undefined) {
    return refuse(`text that is not ${String(from)}`);
  }
  const [year = "2000", month = "01", day = "01", ...clock] = fields.map((field) => parts.get(field));
  const iso = `${year}-${month}-${day}T${clock.map((part) => part ?? "00").join(":")}`;
  if (parseTemporal(iso) === undefined) {
    return refuse("date that is not in the calendar");
  }
  return String(to).replace(/yyyy|MM|dd|HH|mm|ss/g, (field) => parts.get(field) ?? "00");
}

function readByPattern(value: string, pattern: string): ReadonlyMap<string, string> | undefined {
  const names = pattern.match(/yyyy|MM|dd|HH|mm|ss/g) ?? [];
  const source = pattern
    .split(/(yyyy|MM|dd|HH|mm|ss)/)
    .map((part) => (fields.includes(part) ? `(\\d{${part.length}})` : part.replace(/[^\w ]/g, "\\$&")))
    .join("");
  const found = new RegExp(`^${source}$`).exec(value);
  return found === null ? undefined : new Map(names.map((name, i) => [name, found[i + 1] ?? ""]));
}

/** The transform `escape`: text from one format to another; with one format, from plain text. */
export function rewriteEscapes(
  value: unknown,
  from: unknown,
  to: unknown,
  refuse: Refuse,
): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== "string") {
    return refuse(kindOf(value));
  }
  return to === undefined
    ? escapeText(value, String(from))
    : escapeText(unescapeText(value, String(from)), String(to));
}

/** The transforms `reference` and `pointer`: `Type/id` of a resource. */
export function referenceText(value: unknown, refuse: Refuse): string {
  if (!isObject(value) || typeof value["resourceType"] !== "string" || typeof value["id"] !== "string") {
    return refuse("value that is no resource with an id");
  }
  return `${value["resourceType"]}/${value["id"]}`;
}

/** The transform `qty` on text: `5.4 mg`, `>7 mmol/L`. */
export function quantityOf(value: unknown, refuse: Refuse): Record<string, unknown> | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const found = /^(<=|>=|<|>)?\s*([+-]?\d+(?:\.\d+)?)(?:\s*(\S.*))?$/.exec(String(value));
  if (found === null) {
    return refuse("text that is no quantity");
  }
  const [, comparator, amount, unit] = found;
  return {
    value: Number(amount),
    ...(comparator === undefined ? {} : { comparator }),
    ...(unit === undefined ? {} : { unit }),
  };
}

/** The transform `cp` on a bare value: its system is read from its form. */
export function contactPointOf(value: unknown, refuse: Refuse): Record<string, unknown> {
  if (typeof value !== "string") {
    return refuse(kindOf(value));
  }
  const contact = value.trim();
  if (/^[^@\s]+@[^@\s]+$/.test(contact)) {
    return { system: "email", value: contact };
  }
  return { system: /^[+()\d\s-]+$/.test(contact) ? "phone" : "other", value: contact };
}
