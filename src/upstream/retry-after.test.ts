import { expect, it } from "vitest";
import { retryAfterSeconds } from "./retry-after.ts";

const now = Date.UTC(2026, 10, 21, 12, 0, 0);

it.each([
  ["120", 120],
  [" 7 ", 7],
  ["Sat, 21 Nov 2026 12:01:30 GMT", 90],
  ["Saturday, 21-Nov-26 12:01:30 GMT", 90],
  ["Sat, 21 Nov 2026 11:00:00 GMT", 0],
  ["999999999", 3_600],
  ["soon", undefined],
  ["-5", undefined],
  ["2026", 2026],
  ["", undefined],
])("Retry-After '%s' is %s seconds", (header, seconds) => {
  expect(retryAfterSeconds(header, now)).toBe(seconds);
});

it("no header is no wait", () => {
  expect(retryAfterSeconds(null, now)).toBeUndefined();
});
