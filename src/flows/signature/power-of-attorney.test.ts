import { expect, it } from "vitest";
import { objectionTo, type PowerOfAttorney } from "./power-of-attorney.ts";

const given: PowerOfAttorney = {
  number: "6f1d0c2e-0000-4000-8000-000000000001",
  organization: "1.2.643.5.1.13.13.12.2.77.90001",
  snils: "90000000182",
  from: "2026-01-01",
  until: "2026-12-31",
};
const asked = { organization: given.organization, snils: given.snils, at: new Date("2026-11-22T10:00:00Z") };

it("a power of attorney lets its worker sign for its organisation on its days only", () => {
  expect(objectionTo(given, asked)).toBeUndefined();
  expect(objectionTo({ ...given, until: "2026-11-22" }, asked)).toBeUndefined();
});

it.each([
  ["unknown", undefined, asked],
  ["revoked", { ...given, revoked: true }, asked],
  ["another person's", given, { ...asked, snils: "90000000384" }],
  ["another organisation's", given, { ...asked, organization: "1.2.643.5.1.13.13.12.2.77.90002" }],
  ["over", { ...given, until: "2026-11-21" }, asked],
  ["not begun", { ...given, from: "2026-11-23" }, asked],
])("one that is %s does not", (_why, found, question) => {
  expect(objectionTo(found, question)).toBeDefined();
});
