import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyring, SealError } from "./keyring.ts";

const keyring = createKeyring(new Uint8Array(32).fill(7));
const bytes = (text: string) => new TextEncoder().encode(text);

describe("keyring", () => {
  it("refuses a short master key", () => {
    expect(() => createKeyring(new Uint8Array(31))).toThrow(RangeError);
  });

  it("gives the same HMAC in every process and another one per domain and master key", () => {
    const again = createKeyring(new Uint8Array(32).fill(7));
    const other = createKeyring(new Uint8Array(32).fill(8));
    expect(again.hmac("cache", "a")).toBe(keyring.hmac("cache", "a"));
    expect(keyring.hmac("identity-map", "a")).not.toBe(keyring.hmac("cache", "a"));
    expect(other.hmac("cache", "a")).not.toBe(keyring.hmac("cache", "a"));
    expect(Buffer.from(keyring.derive("a"))).not.toEqual(Buffer.from(keyring.derive("b")));
  });

  it("frames the parts of an HMAC", () => {
    const parts = fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const same = JSON.stringify(left) === JSON.stringify(right);
        return (keyring.hmac("d", ...left) === keyring.hmac("d", ...right)) === same;
      }),
    );
    expect(keyring.hmac("d", "ab", "c")).not.toBe(keyring.hmac("d", "a", "bc"));
  });

  it("opens what it sealed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (plain, aad) => {
        const opened = keyring.open("cache", keyring.seal("cache", plain, aad), aad);
        return Buffer.from(opened).equals(plain);
      }),
    );
  });

  it("uses a fresh nonce and hides the plain text", () => {
    const plain = bytes("Синтетический Иван");
    const sealed = Buffer.from(keyring.seal("cache", plain));
    expect(sealed.equals(keyring.seal("cache", plain))).toBe(false);
    expect(sealed.includes(Buffer.from(plain))).toBe(false);
  });

  it("refuses any flipped bit, a cut value, another domain, key or aad", () => {
    const sealed = keyring.seal("cache", bytes("value"), "tenant-1");
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at]! ^= 1;
      expect(() => keyring.open("cache", changed, "tenant-1")).toThrow(SealError);
      expect(() => keyring.open("cache", sealed.subarray(0, at), "tenant-1")).toThrow(SealError);
    }
    expect(() => keyring.open("cache", sealed, "tenant-2")).toThrow(SealError);
    expect(() => keyring.open("identity-map", sealed, "tenant-1")).toThrow(SealError);
    const other = createKeyring(new Uint8Array(32).fill(8));
    expect(() => other.open("cache", sealed, "tenant-1")).toThrow(SealError);
  });
});
