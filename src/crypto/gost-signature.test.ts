import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CryptoError } from "./errors.ts";
import { GOST_CURVE_PARAMETERS } from "./gost-curve-parameters.ts";
import { defineGostCurve, gostCurve } from "./gost-curves.ts";
import {
  bytesFromInteger,
  decodeGostPoint,
  encodeGostPoint,
  generateGostPrivateKey,
  gostPrivateKey,
  gostPublicKeyOf,
  signGost,
  signGostDigest,
  verifyGost,
  verifyGostDigest,
} from "./gost-signature.ts";

// RFC 7091, section 7.1; the set is for tests only, so that the product does not know it
const example = defineGostCurve("example", {
  oids: ["1.2.643.7.1.2.1.1.0"],
  p: "0x8000000000000000000000000000000000000000000000000000000000000431",
  a: "0x7",
  b: "0x5FBFF498AA938CE739B8E022FBAFEF40563F6E6A3472FC2A514C0CE9DAE23B7E",
  n: "0x8000000000000000000000000000000150FE8A1892976154C59CFC193ACCF5B3",
  h: "0x1",
  Gx: "0x2",
  Gy: "0x08E2A8A0E65147D4BD6316030E16D19C85C97F0A9CA267122B96ABBCEA7E8FC8",
});

describe("GOST R 34.10-2012 against RFC 7091, section 7.1", () => {
  const key = gostPrivateKey(example, 0x7a929ade789bb9be10ed359dd39a72c11b60961f49397eee1d19ce9891ec3b28n);
  const digest = bytesFromInteger(
    0x2dfbc1b372d89a1188c09c52e0eec61fce52032ab1022e8e67ece6672b043ee5n,
    32,
  ).reverse();
  const nonce = 0x77105c9b20bcd3122823c8cf6fcc7b956de33814e95b7fe64fed924594dceab3n;

  it("derives the public key", () => {
    const { x, y } = gostPublicKeyOf(key).point.toAffine();
    expect(x).toBe(0x7f2b49e270db6d90d8595bec458b50c58585ba1d4e9b788f6689dbd8e56fd80bn);
    expect(y).toBe(0x26f1b489d6701dd185c8413a977b3cbbaf64d1c593d26627dffb101a87ff77dan);
  });

  it("gives s || r of the example and accepts it", () => {
    const signature = signGostDigest(key, digest, nonce);
    expect(Buffer.from(signature).toString("hex")).toBe(
      "01456c64ba4642a1653c235a98a60249bcd6d3f746b631df928014f6c5bf9c40" +
        "41aa28d2f1ab148280cd9ed56feda41974053554a42767b83ad043fd39dc0493",
    );
    expect(verifyGostDigest(gostPublicKeyOf(key), digest, signature)).toBe(true);
  });
});

describe.each(Object.keys(GOST_CURVE_PARAMETERS))("GOST R 34.10-2012 on %s", (name) => {
  const curve = gostCurve(name);
  const key = generateGostPrivateKey(curve);
  const publicKey = gostPublicKeyOf(key);
  const message = Buffer.from("Осмотр терапевта");
  const signature = signGost(key, message);

  it("verifies its own signature and no changed one", () => {
    expect(signature.length).toBe(2 * curve.size);
    expect(verifyGost(publicKey, message, signature)).toBe(true);
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(signature);
        changed[at] = (changed[at] ?? 0) ^ flip;
        return !verifyGost(publicKey, message, changed);
      }),
      { numRuns: 5 },
    );
    expect(verifyGost(publicKey, Buffer.from("осмотр терапевта"), signature)).toBe(false);
  });

  it("refuses another key, a zero signature, a wrong length and numbers out of range", () => {
    expect(verifyGost(gostPublicKeyOf(generateGostPrivateKey(curve)), message, signature)).toBe(false);
    const half = (value: bigint) => bytesFromInteger(value, curve.size);
    const r = signature.slice(curve.size);
    const s = signature.slice(0, curve.size);
    const q = half(curve.order);
    const zero = half(0n);
    for (const bad of [
      Buffer.concat([zero, zero]),
      Buffer.concat([zero, r]),
      Buffer.concat([s, zero]),
      Buffer.concat([q, r]),
      Buffer.concat([s, q]),
      signature.slice(1),
      Buffer.concat([signature, zero]),
      new Uint8Array(),
    ]) {
      expect(verifyGost(publicKey, message, bad)).toBe(false);
    }
  });

  it("reads its own public key back and refuses a point off the curve", () => {
    const bytes = encodeGostPoint(publicKey);
    expect(decodeGostPoint(curve, bytes).point.equals(publicKey.point)).toBe(true);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    expect(() => decodeGostPoint(curve, bytes)).toThrow(CryptoError);
    expect(() => decodeGostPoint(curve, bytes.slice(1))).toThrow(/length/);
    expect(() => decodeGostPoint(curve, new Uint8Array(2 * curve.size))).toThrow(CryptoError);
  });

  it("refuses a private key out of range", () => {
    expect(() => gostPrivateKey(curve, 0n)).toThrow(CryptoError);
    expect(() => gostPrivateKey(curve, curve.order)).toThrow(CryptoError);
  });
});

it("refuses points outside the subgroup of the base point on the curve with a cofactor", () => {
  const curve = gostCurve("TC26-256-A");
  const { Fp } = curve.Point;
  const { a, b } = curve.Point.CURVE();
  let outside = 0;
  for (let x = 1n; x < 40n; x += 1n) {
    const square = Fp.add(Fp.add(Fp.mul(Fp.sqr(x), x), Fp.mul(a, x)), b);
    if (Fp.pow(square, (Fp.ORDER - 1n) / 2n) !== 1n) continue;
    const y = Fp.sqrt(square);
    const bytes = Buffer.concat([bytesFromInteger(x, 32).reverse(), bytesFromInteger(y, 32).reverse()]);
    try {
      expect(decodeGostPoint(curve, bytes).point.isTorsionFree()).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(CryptoError);
      outside += 1;
    }
  }
  expect(outside).toBeGreaterThan(0);
});

it("knows the aliases of a parameter set and no unknown one", () => {
  expect(gostCurve("1.2.643.2.2.36.0").name).toBe("CryptoPro-A");
  expect(gostCurve("1.2.643.7.1.2.1.1.2").name).toBe("CryptoPro-A");
  expect(() => gostCurve("1.2.643.7.1.2.1.1.0")).toThrow(CryptoError);
});
