import { expect, it } from "vitest";
import { parseJson } from "./json-body.ts";

const nested = (levels: number) => `${'{"x":'.repeat(levels)}1${"}".repeat(levels)}`;

it.each([256, 10])("%i levels are read", (levels) => {
  expect(JSON.stringify(parseJson(nested(levels)))).toBe(nested(levels));
});

it.each([
  ["objects 257 deep", nested(257), "more than 256 levels"],
  ["objects 200,000 deep", nested(200_000), "levels"],
  ["lists 200,000 deep", `${"[".repeat(200_000)}${"]".repeat(200_000)}`, "levels"],
  ["no JSON", '{"family":"Ива', "not JSON"],
  ["the prototype's name", '{"a":[{"__proto__":{}}]}', "must not have"],
  ["the constructor's name", '{"constructor":1}', "must not have"],
])("%s is refused", (_name, text, detail) => {
  expect(() => parseJson(text)).toThrow(
    expect.objectContaining({ code: "bad-request", detail: expect.stringContaining(detail) }),
  );
});
