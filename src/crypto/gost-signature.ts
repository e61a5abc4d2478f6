import { randomBytes } from "node:crypto";
import { CryptoError } from "./errors.ts";
import type { GostCurve, GostPoint } from "./gost-curves.ts";
import { streebog256, streebog512 } from "./streebog.ts";

export interface GostPrivateKey {
  readonly curve: GostCurve;
  readonly scalar: bigint;
}

export interface GostPublicKey {
  readonly curve: GostCurve;
  readonly point: GostPoint;
}

function integerFromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** Little-endian bytes to an unsigned integer. */
export function integerFromLittleEndian(bytes: Uint8Array): bigint {
  return integerFromBytes(Uint8Array.from(bytes).reverse());
}

/** An unsigned integer to exactly `size` big-endian bytes. */
export function bytesFromInteger(value: bigint, size: number): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(size * 2, "0"), "hex"));
}

/** Makes a private key from its number, which must lie in [1, q-1]; throws `bad-key`. */
export function gostPrivateKey(curve: GostCurve, scalar: bigint): GostPrivateKey {
  if (scalar <= 0n || scalar >= curve.order) throw new CryptoError("bad-key", "private key is out of range");
  return { curve, scalar };
}

/** A fresh private key from the system's random source. */
export function generateGostPrivateKey(curve: GostCurve): GostPrivateKey {
  return gostPrivateKey(curve, randomScalar(curve));
}

/** The public point Q = dP. */
export function gostPublicKeyOf(key: GostPrivateKey): GostPublicKey {
  return { curve: key.curve, point: key.curve.Point.BASE.multiply(key.scalar) };
}

/** Reads X || Y, both little-endian (RFC 9215 section 4.3); a point off the curve or outside its group throws `bad-key`. */
export function decodeGostPoint(curve: GostCurve, bytes: Uint8Array): GostPublicKey {
  if (bytes.length !== 2 * curve.size) throw new CryptoError("bad-key", "GOST public key has a wrong length");
  const x = integerFromLittleEndian(bytes.subarray(0, curve.size));
  const y = integerFromLittleEndian(bytes.subarray(curve.size));
  try {
    const point = curve.Point.fromAffine({ x, y });
    point.assertValidity();
    return { curve, point };
  } catch (cause) {
    throw new CryptoError("bad-key", "GOST public key is not a point of its curve", { cause });
  }
}

/** Writes X || Y, both little-endian. */
export function encodeGostPoint(key: GostPublicKey): Uint8Array {
  const { x, y } = key.point.toAffine();
  const { size } = key.curve;
  return Buffer.concat([bytesFromInteger(x, size).reverse(), bytesFromInteger(y, size).reverse()]);
}

/** Signs `message` (hashed here with Streebog of the key's size): s || r, both big-endian, 64 or 128 bytes. */
export function signGost(key: GostPrivateKey, message: Uint8Array): Uint8Array {
  return signGostDigest(key, gostDigest(key.curve, message));
}

/** Signs a ready Streebog digest; `nonce` exists for the examples of RFC 7091 only and must otherwise stay unset. */
export function signGostDigest(key: GostPrivateKey, digest: Uint8Array, nonce?: bigint): Uint8Array {
  const { curve, scalar } = key;
  const e = digestInteger(curve, digest);
  for (;;) {
    const k = nonce ?? randomScalar(curve);
    const r = curve.Point.BASE.multiply(k).toAffine().x % curve.order;
    const s = (r * scalar + k * e) % curve.order;
    if (r !== 0n && s !== 0n) {
      return Buffer.concat([bytesFromInteger(s, curve.size), bytesFromInteger(r, curve.size)]);
    }
    if (nonce !== undefined) throw new CryptoError("bad-key", "this nonce gives no signature");
  }
}

/** Checks s || r over `message`. A wrong length, a number out of range or a wrong value is `false`, never an exception. */
export function verifyGost(key: GostPublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  return verifyGostDigest(key, gostDigest(key.curve, message), signature);
}

/** The same check over a ready Streebog digest. */
export function verifyGostDigest(key: GostPublicKey, digest: Uint8Array, signature: Uint8Array): boolean {
  const { size, order, Point } = key.curve;
  if (signature.length !== 2 * size || digest.length !== size) return false;
  const s = integerFromBytes(signature.subarray(0, size));
  const r = integerFromBytes(signature.subarray(size));
  if (r === 0n || s === 0n || r >= order || s >= order) return false;
  const v = Point.Fn.inv(digestInteger(key.curve, digest));
  const z1 = (s * v) % order;
  const z2 = order - ((r * v) % order);
  const c = Point.BASE.mulAddUnsafe(z1, key.point, z2);
  return !c.is0() && c.toAffine().x % order === r;
}

function gostDigest(curve: GostCurve, message: Uint8Array): Uint8Array {
  return curve.size === 32 ? streebog256(message) : streebog512(message);
}

// the digest is a little-endian number; zero counts as one (RFC 7091 section 6.1, step 2)
function digestInteger(curve: GostCurve, digest: Uint8Array): bigint {
  const e = integerFromLittleEndian(digest) % curve.order;
  return e === 0n ? 1n : e;
}

// 128 surplus bits make the bias of the reduction negligible
function randomScalar(curve: GostCurve): bigint {
  return (integerFromBytes(randomBytes(curve.size + 16)) % (curve.order - 1n)) + 1n;
}
