import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { hmacSha256 } from "./hmac.ts";

const byNode = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest("base64url");

it("is the HMAC of any text, whatever was asked before", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 64 });
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ minLength: 4_000, maxLength: 9_000 }),
  );
  fc.assert(
    fc.property(key, fc.array(text, { maxLength: 5 }), (bytes, texts) => {
      const hmac = hmacSha256(bytes);
      for (const one of texts) expect(hmac(one)).toBe(byNode(bytes, one));
    }),
  );
});

it("refuses a key that HMAC would hash first", () => {
  expect(() => hmacSha256(new Uint8Array(65))).toThrow(RangeError);
});
