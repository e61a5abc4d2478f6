import fc from "fast-check";
import { expect, it } from "vitest";
import { isGatewayError } from "../core/errors.ts";
import { type Provider, Providers } from "./provider.ts";
import { partsAt, unescaped, valuesOf } from "./search/criterion.ts";
import { indexedParametersOf } from "./search/parameters.ts";
import { parseSearch } from "./search-request.ts";

const nothing = { value: [], sources: [] };
const indexed = (type: "Patient" | "Observation" | "Location"): Provider => ({
  type,
  documentation: type,
  searchParameters: indexedParametersOf(type),
  indexed: { candidates: async () => ({ found: [], more: false, sources: [] }), byIds: async () => [] },
  read: () => Promise.reject(new Error("not held")),
  search: async () => nothing,
});
const observation = indexed("Observation");
const providers = new Providers("https://x.example", [observation, indexed("Patient"), indexed("Location")]);

const word = fc.constantFrom(
  ...[
    "_has",
    "Observation",
    "Patient",
    "subject",
    "patient",
    "code",
    "name",
    "missing",
    "not",
    "_include",
    "_sort",
  ],
  ...["_count", "date", "_total", "x", "", "__proto__", "constructor"],
);
const name = fc
  .array(fc.tuple(word, fc.constantFrom(":", ".", "")), { maxLength: 8 })
  .map((parts) => parts.flat().join(""));
const value = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("1,2", "\\", "a\\,b", "ge2024", "-date", "\0"),
);

it("whatever is sent is read or refused with a code, never a fault", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 70 }), fc.boolean(), (pairs, lenient) => {
      try {
        const request = parseSearch(providers, observation, pairs, { lenient, inUrl: true });
        expect(request.count).toBeLessThanOrEqual(200);
        expect(lenient || request.ignored.length === 0).toBe(true);
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        expect(error.row.status).toBe(400);
      }
    }),
    { numRuns: 500 },
  );
});

it("values and their parts survive escaping, whatever they hold", () => {
  const escaped = (text: string) => text.replace(/[\\,|$]/g, "\\$&");
  const text = fc.string({ minLength: 1 }).filter((one) => !one.includes("\0"));
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 5 }), (texts) => {
      expect(valuesOf(texts.map(escaped).join(",")).values).toEqual(texts);
      expect(partsAt("|", texts.map(escaped).join("|")).map(unescaped)).toEqual(texts);
      expect(partsAt("$", texts.map(escaped).join("$")).map(unescaped)).toEqual(texts);
    }),
  );
});

it("a personal value is refused in a URL wherever it stands, and not shown in what was applied", () => {
  const asked: [string, string][] = [
    ["subject:Patient.name", "Иванов"],
    ["status", "final"],
  ];
  expect(() => parseSearch(providers, observation, asked, { lenient: false, inUrl: true })).toThrow(
    /POST _search/,
  );
  const { applied } = parseSearch(providers, observation, asked, { lenient: false, inUrl: false });
  expect(applied).toEqual([["status", "final"]]);
});
