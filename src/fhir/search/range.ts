/** Two inclusive ends: milliseconds since the epoch, or numbers. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

const prefixes = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"] as const;
export type Prefix = (typeof prefixes)[number];

export interface Prefixed {
  readonly prefix: Prefix;
  readonly text: string;
}

/** Splits `ge2024` into its prefix, `eq` when there is none, and the rest (FHIR R4 3.1.1.4.5). */
export function prefixedOf(value: string): Prefixed {
  const prefix = prefixes.find((candidate) => value.startsWith(candidate));
  return prefix ? { prefix, text: value.slice(2) } : { prefix: "eq", text: value };
}

const dateTime =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+ -]\d{2}:\d{2})?)?)?)?$/;

/**
 * All instants that a FHIR date, dateTime or instant may mean; without a zone it is UTC. A space before the zone is the
 * plus that an address turns into one. Undefined for other text.
 */
export function dateRangeOf(text: string): Range | undefined {
  const parts = dateTime.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const numbers = [year, month, day, hour, minute, second].map((part) =>
    part === undefined ? undefined : Number(part),
  );
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0] = numbers;
  const ms = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  if (mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 60) return undefined;
  const shift = zoneMs(zone);
  const low = utc(y, mo - 1, d) + ((h * 60 + mi) * 60 + s) * 1000 + ms - shift;
  if (month === undefined) return { low, high: utc(y + 1, 0) - 1 };
  if (day === undefined) return { low, high: utc(y, mo) - 1 };
  const length =
    hour === undefined ? 86_400_000 : second === undefined ? 60_000 : fraction === undefined ? 1000 : 1;
  return { low, high: low + length - 1 };
}

const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/;

/** Milliseconds of a FHIR instant, its plus perhaps a space; undefined for other text. */
export const instantOf = (text: string): number | undefined =>
  instantForm.test(text) ? dateRangeOf(text)?.low : undefined;

// Date.UTC takes the years 0 to 99 for 1900 to 1999
const utc = (year: number, month: number, day = 1) => new Date(0).setUTCFullYear(year, month, day);

const daysIn = (year: number, month: number) => new Date(utc(year, month, 0)).getUTCDate();

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}

const decimal = /^[+-]?\d{1,17}(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?$/;

/** A number and half of its last written place, so 100 is 99.5 to 100.5 and 5.40 is 5.395 to 5.405. */
export function numberOf(text: string): { value: number; half: number } | undefined {
  if (!decimal.test(text)) return undefined;
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const places = mantissa.split(".")[1]?.length ?? 0;
  return { value: Number(text), half: 0.5 * 10 ** (Number(exponent) - places) };
}

/** One comparison of an indexed range with fixed ends, as conditions that must all hold; a nested list is "or". */
export interface Comparison {
  readonly column: "low" | "high";
  readonly operator: ">" | ">=" | "<" | "<=";
  readonly value: number;
}
export type Condition = Comparison | { readonly any: readonly (readonly Comparison[])[] };

/** The conditions of a date under a prefix (FHIR R4 3.1.1.4.4); `ne` is the absence of `eq` in one value. */
export function dateConditions(prefix: Prefix, { low, high }: Range, now: number): readonly Condition[] {
  const within = [at("low", ">=", low), at("high", "<=", high)];
  switch (prefix) {
    case "eq":
      return within;
    case "ne":
      return [{ any: [[at("low", "<", low)], [at("high", ">", high)]] }];
    case "gt":
      return [at("high", ">", high)];
    case "lt":
      return [at("low", "<", low)];
    case "ge":
      return [at("high", ">=", low), { any: [[at("high", ">", high)], [at("low", ">=", low)]] }];
    case "le":
      return [at("low", "<=", high), { any: [[at("low", "<", low)], [at("high", "<=", high)]] }];
    case "sa":
      return [at("low", ">", high)];
    case "eb":
      return [at("high", "<", low)];
    case "ap": {
      // a tenth of the distance to now, as the specification recommends
      const slack = Math.abs(now - (low + high) / 2) / 10;
      return [at("low", "<=", high + slack), at("high", ">=", low - slack)];
    }
  }
}

/** The same of a number or quantity: only `eq`, `ne` and `ap` know its precision (FHIR R4 3.1.1.4.6). */
export function numberConditions(
  prefix: Prefix,
  { value, half }: { value: number; half: number },
): readonly Condition[] {
  // 5.4 - 0.05 is 5.3500000000000005
  const [low, high] = [value - half, value + half].map((end) => Number(end.toPrecision(14))) as [
    number,
    number,
  ];
  switch (prefix) {
    case "eq":
      return [at("low", ">=", low), at("high", "<", high)];
    case "ne":
      return [{ any: [[at("low", "<", low)], [at("high", ">=", high)]] }];
    case "gt":
      return [at("high", ">", value)];
    case "lt":
      return [at("low", "<", value)];
    case "ge":
      return [at("high", ">=", value)];
    case "le":
      return [at("low", "<=", value)];
    case "sa":
      return [at("low", ">", value)];
    case "eb":
      return [at("high", "<", value)];
    case "ap": {
      const slack = Math.max(Math.abs(value) / 10, half);
      return [at("low", "<=", value + slack), at("high", ">=", value - slack)];
    }
  }
}

const at = (column: Comparison["column"], operator: Comparison["operator"], value: number): Comparison => ({
  column,
  operator,
  value,
});
