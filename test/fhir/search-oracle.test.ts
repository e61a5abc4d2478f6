import type { Observation, Patient } from "@medplum/fhirtypes";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { onBothEngines } from "../store/engines.ts";
import { indexIn } from "../support/search.ts";

// what R4 says of a search, over resources in a list and without an index
type Matcher<R> = (resource: R) => boolean;
interface Asked<R> {
  query: [name: string, value: string];
  matches: Matcher<R>;
}

const codes = ["a", "b", "c"];
const systems = ["urn:one", "urn:two", undefined];
const families = ["Иванов", "Ивашкёв", "Петрова-Водкина", "Ёлкин", "ELKIN", "Ива"];
const days = [
  "2023",
  "2024",
  "2024-02",
  "2024-02-29",
  "2024-03-01",
  "2024-02-29T12:00:00Z",
  "2024-12-31T23:59:59.999Z",
];
const birthDays = ["1980", "1985-05", "1985-05-10", "1985-12-31", "1986-01-01", "1999-09"];
const amounts = ["1", "1.0", "5.4", "5.35", "100", "99.5", "-3"];

const one = <T>(values: readonly T[]) => fc.constantFrom(...values);
const maybe = <T>(values: readonly T[]) => fc.option(one(values), { nil: undefined });

const observation = fc.record({
  status: one(["final", "amended"]),
  system: one(systems),
  code: maybe(codes),
  subject: maybe(["p0", "p1", "p2"]),
  date: maybe(days),
  amount: maybe(amounts),
});
const patient = fc.record({
  family: maybe(families),
  gender: maybe(["male", "female"]),
  birthDate: maybe(birthDays),
});

const observations: Observation[] = fc
  .sample(observation, { numRuns: 60, seed: 7 })
  .map(({ status, system, code, subject, date, amount }, n) => ({
    resourceType: "Observation",
    id: `o${n}`,
    status: status as "final",
    code: code === undefined ? { text: "none" } : { coding: [{ ...(system && { system }), code }] },
    ...(subject && { subject: { reference: `Patient/${subject}` } }),
    ...(date && { effectiveDateTime: date }),
    ...(amount && { valueQuantity: { value: Number(amount) } }),
  }));
const patients: Patient[] = fc
  .sample(patient, { numRuns: 40, seed: 11 })
  .map(({ family, gender, birthDate }, n) => ({
    resourceType: "Patient",
    id: `p${n}`,
    ...(family && { name: [{ family }] }),
    ...(gender && { gender: gender as "male" }),
    ...(birthDate && { birthDate }),
  }));

/** First and last millisecond that a date may mean, found by trying its neighbours and not by arithmetic of months. */
function span(text: string): [number, number] {
  if (text.includes(".")) return [Date.parse(text), Date.parse(text)];
  if (text.includes("T")) return [Date.parse(text), Date.parse(text) + 999];
  const starts = (date: Date) => date.toISOString().startsWith(text);
  const low = Date.parse(
    `${text}${"-01-01".slice(0, 10 - text.length) && text.length === 4 ? "-01-01" : text.length === 7 ? "-01" : ""}T00:00:00Z`,
  );
  let end = low;
  while (starts(new Date(end))) end += 86_400_000;
  return [low, end - 1];
}

function compared(prefix: string, [low, high]: [number, number], [from, to]: [number, number]): boolean {
  const equal = from <= low && high <= to;
  switch (prefix) {
    case "ne":
      return !equal;
    case "gt":
      return high > to;
    case "lt":
      return low < from;
    case "ge":
      return high > to || equal;
    case "le":
      return low < from || equal;
    case "sa":
      return low > to;
    case "eb":
      return high < from;
    default:
      return equal;
  }
}

const prefix = one(["", "ne", "gt", "lt", "ge", "le", "sa", "eb"]);

const askedOfObservation = fc.oneof<fc.Arbitrary<Asked<Observation>>[]>(
  one(["final", "amended", "draft"]).map((status) => ({
    query: ["status", status],
    matches: (resource) => resource.status === status,
  })),
  one(["final", "amended"]).map((status) => ({
    query: ["status:not", status],
    matches: (resource) => resource.status !== status,
  })),
  fc.tuple(one(codes), one(["urn:one", "urn:two", "", undefined])).map(([code, system]) => ({
    query: ["code", system === undefined ? code : `${system}|${code}`],
    matches: ({ code: { coding = [] } = {} }) =>
      coding.some((each) => each.code === code && (system === undefined || (each.system ?? "") === system)),
  })),
  one(["true", "false"]).map((missing) => ({
    query: ["value-quantity:missing", missing],
    matches: ({ valueQuantity }) => (valueQuantity === undefined) === (missing === "true"),
  })),
  fc.uniqueArray(one(["p0", "p1", "p2", "p9"]), { minLength: 1 }).map((ids) => ({
    query: ["subject", ids.map((id) => `Patient/${id}`).join(",")],
    matches: ({ subject }) => ids.some((id) => subject?.reference === `Patient/${id}`),
  })),
  fc.tuple(prefix, one(days)).map(([operator, day]) => ({
    query: ["date", `${operator}${day}`],
    matches: ({ effectiveDateTime }) =>
      effectiveDateTime !== undefined && compared(operator, span(effectiveDateTime), span(day)),
  })),
  fc.tuple(prefix, one(amounts)).map(([operator, amount]) => ({
    query: ["value-quantity", `${operator}${amount}`],
    matches: ({ valueQuantity: { value } = {} }) => {
      if (value === undefined) return false;
      const asked = Number(amount);
      const half = 0.5 * 10 ** -(amount.split(".")[1]?.length ?? 0);
      // compared as whole thousandths: 5.4 - 0.05 is not 5.35 in binary
      const [low, high, at] = [asked - half, asked + half, value].map((number) =>
        Math.round(number * 1000),
      ) as [number, number, number];
      const equal = low <= at && at < high;
      if (operator === "" || operator === "ne") return equal === (operator === "");
      return compared(operator, [at, at], [Math.round(asked * 1000), Math.round(asked * 1000)]);
    },
  })),
  one(["male", "female"]).map((gender) => ({
    query: ["subject:Patient.gender", gender],
    matches: ({ subject }) =>
      patients.some((each) => `Patient/${each.id}` === subject?.reference && each.gender === gender),
  })),
);

const folded = (text: string) => text.toLowerCase().replaceAll("ё", "е");

const askedOfPatient = fc.oneof<fc.Arbitrary<Asked<Patient>>[]>(
  one(["ив", "ИВАН", "ёл", "водк", "elk", "кин", "петрова водкина"]).map((text) => ({
    query: ["name", text],
    matches: ({ name = [] }) =>
      folded(text)
        .split(" ")
        .every((word) =>
          name.some(({ family = "" }) =>
            folded(family)
              .split("-")
              .some((part) => part.startsWith(word)),
          ),
        ),
  })),
  one(families).map((family) => ({
    query: ["family:exact", family],
    matches: ({ name = [] }) => name.some((each) => each.family === family),
  })),
  fc.tuple(prefix, one(birthDays)).map(([operator, day]) => ({
    query: ["birthdate", `${operator}${day}`],
    matches: ({ birthDate }) => {
      if (birthDate === undefined) return false;
      const [low, high] = span(birthDate);
      const [from, to] = span(day);
      // a date that says less than was asked may lie on either side
      if (operator === "ge" || operator === "le")
        return (
          compared(operator === "ge" ? "gt" : "lt", [low, high], [from, to]) || (from <= low && high <= to)
        );
      return compared(operator, [low, high], [from, to]);
    },
  })),
  one(["true", "false"]).map((missing) => ({
    query: ["gender:missing", missing],
    matches: ({ gender }) => (gender === undefined) === (missing === "true"),
  })),
  one(["final", "amended"]).map((status) => ({
    query: ["_has:Observation:subject:status", status],
    matches: ({ id }) =>
      observations.some((each) => each.subject?.reference === `Patient/${id}` && each.status === status),
  })),
);

onBothEngines((store) => {
  const index = indexIn(store, { types: ["Observation", "Patient"] });
  beforeAll(() => index.put(...patients, ...observations));

  const agrees = async <R extends { id?: string }>(
    type: string,
    all: readonly R[],
    asked: readonly Asked<R>[],
  ) => {
    const found = await index.find(`${type}?${new URLSearchParams(asked.map(({ query }) => query))}`);
    const expected = all.filter((resource) => asked.every(({ matches }) => matches(resource)));
    expect(found).toEqual(expected.map(({ id }) => id).reverse());
  };

  it("finds of observations exactly what reading them all would", () =>
    fc.assert(
      fc.asyncProperty(fc.array(askedOfObservation, { minLength: 1, maxLength: 3 }), (asked) =>
        agrees("Observation", observations, asked),
      ),
      { numRuns: 150 },
    ));

  it("finds of patients exactly what reading them all would", () =>
    fc.assert(
      fc.asyncProperty(fc.array(askedOfPatient, { minLength: 1, maxLength: 2 }), (asked) =>
        agrees("Patient", patients, asked),
      ),
      { numRuns: 150 },
    ));
});
