import type { Prefix } from "./range.ts";

/**
 * A person's dates stand in the index as hashes of the day, month, year and decade that they lie in, so that ranges
 * can be asked for although no date is readable: a range is a bounded set of such spans.
 */
type Form = string[];

const earliest = 1880;
const latest = 2199;

const date = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/;

/** Forms of a FHIR date or dateTime: its span and the wider ones; a date without day or month says so. */
export function spansOf(text: string): Form[] {
  const [, year, month, day] = date.exec(text) ?? [];
  if (year === undefined) return [];
  const wider = [
    ["year", year],
    ["decade", year.slice(0, 3)],
  ];
  if (month === undefined) return [["partial", year], ...wider];
  const months = [["month", `${year}-${month}`], ...wider];
  if (day === undefined) return [["partial", `${year}-${month}`], ...months];
  return [["day", `${year}-${month}-${day}`], ...months];
}

/** Forms of which any one satisfies the asked date, and whether the answer is the complement; undefined for no date. */
export function spansAsked(prefix: Prefix, text: string): { forms: Form[]; negated: boolean } | undefined {
  const [all, year, month, day] = date.exec(text) ?? [];
  if (year === undefined || all !== text) return undefined;
  const first = [Number(year), Number(month ?? 1), Number(day ?? 1)] as const;
  if (!isOfCalendar(first)) return undefined;
  const own: Form = day ? ["day", text] : month ? ["month", text] : ["year", year];
  const end = last(first, own[0]);
  // a value that says less than was asked may lie on that side where it has days left
  const partial = (hasDaysLeft: (bound: readonly [Day, Day]) => boolean): Form[] => [
    ...(month && hasDaysLeft(boundsOf(first, "year")) ? [["partial", year]] : []),
    ...(day && hasDaysLeft(boundsOf(first, "month")) ? [["partial", `${year}-${month}`]] : []),
  ];
  const later = () => partial(([, bound]) => !isSame(bound, end));
  const earlier = () => partial(([bound]) => !isSame(bound, first));
  switch (prefix) {
    case "eq":
      return { forms: [own], negated: false };
    case "ne":
      return { forms: [own], negated: true };
    case "gt":
      return { forms: [...after(end), ...later()], negated: false };
    case "ge":
      return { forms: [own, ...after(end), ...later()], negated: false };
    case "lt":
      return { forms: [...before(first), ...earlier()], negated: false };
    case "le":
      return { forms: [own, ...before(first), ...earlier()], negated: false };
    case "sa":
      return { forms: after(end), negated: false };
    case "eb":
      return { forms: before(first), negated: false };
    case "ap":
      return { forms: [own, ...partial(() => true), ...neighbours(Number(year))], negated: false };
  }
}

type Day = readonly [year: number, month: number, day: number];

const two = (number: number) => String(number).padStart(2, "0");
const four = (number: number) => String(number).padStart(4, "0");
const daysIn = (year: number, month: number) => new Date(Date.UTC(year, month, 0)).getUTCDate();
const between = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);

const isOfCalendar = ([year, month, day]: Day) =>
  month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
const isSame = (one: Day, other: Day) => one.every((part, n) => part === other[n]);

/** First and last day of the year or month that a day lies in. */
const boundsOf = (day: Day, unit: "year" | "month"): readonly [Day, Day] => [
  unit === "year" ? [day[0], 1, 1] : [day[0], day[1], 1],
  last(day, unit),
];

const last = ([year, month, day]: Day, unit: string | undefined): Day => [
  year,
  unit === "year" ? 12 : month,
  unit === "day" ? day : daysIn(year, unit === "year" ? 12 : month),
];

function after([year, month, day]: Day): Form[] {
  const decade = Math.floor(year / 10);
  return [
    ...between(day + 1, daysIn(year, month)).map((d) => ["day", `${four(year)}-${two(month)}-${two(d)}`]),
    ...between(month + 1, 12).map((m) => ["month", `${four(year)}-${two(m)}`]),
    ...between(year + 1, decade * 10 + 9).map((y) => ["year", four(y)]),
    ...between(Math.max(decade + 1, earliest / 10), Math.floor(latest / 10)).map((d) => [
      "decade",
      String(d).padStart(3, "0"),
    ]),
  ];
}

function before([year, month, day]: Day): Form[] {
  const decade = Math.floor(year / 10);
  return [
    ...between(1, day - 1).map((d) => ["day", `${four(year)}-${two(month)}-${two(d)}`]),
    ...between(1, month - 1).map((m) => ["month", `${four(year)}-${two(m)}`]),
    ...between(decade * 10, year - 1).map((y) => ["year", four(y)]),
    ...between(earliest / 10, Math.min(decade - 1, Math.floor(latest / 10))).map((d) => [
      "decade",
      String(d).padStart(3, "0"),
    ]),
  ];
}

const neighbours = (year: number): Form[] => between(year - 1, year + 1).map((y) => ["year", four(y)]);
