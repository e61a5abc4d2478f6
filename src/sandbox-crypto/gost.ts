import { randomBytes } from "node:crypto";
import * as pkijs from "pkijs";
import { bits, integer, octets, oid, sequence } from "./der.ts";
import { type Curve, cryptoProA, curveOf } from "./gost-curves.ts";
import { streebog256 } from "./streebog.ts";

// GOST R 34.10-2012 with 256 bits by RFC 7091; keys by RFC 9215
const keyOid = "1.2.643.7.1.1.1.1";
const digestOid = "1.2.643.7.1.1.2.2";
const size = 32;

const bigEndian = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const littleEndian = (bytes: Uint8Array): bigint => bigEndian(Uint8Array.from(bytes).reverse());
const bytesOf = (value: bigint): Uint8Array =>
  Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * size, "0"), "hex"));

/** The number e of a message: its digest modulo q, one instead of zero (RFC 7091 section 6.1). */
const numberOf = (message: Uint8Array, { q }: Curve): bigint => littleEndian(streebog256(message)) % q || 1n;

/** A number in [1, q - 1]; 128 spare bits keep it even. */
const randomNumber = ({ q }: Curve): bigint => (bigEndian(randomBytes(size + 16)) % (q - 1n)) + 1n;

export const gostSecret = (): bigint => randomNumber(cryptoProA);

/** s and r, big-endian one after the other: 64 bytes. */
export function signGost(secret: bigint, message: Uint8Array): Uint8Array {
  const { q, Point } = cryptoProA;
  const e = numberOf(message, cryptoProA);
  for (;;) {
    const k = randomNumber(cryptoProA);
    const r = Point.BASE.multiply(k).toAffine().x % q;
    const s = (r * secret + k * e) % q;
    if (r !== 0n && s !== 0n) return Buffer.concat([bytesOf(s), bytesOf(r)]);
  }
}

/** Whether the owner of the key (SubjectPublicKeyInfo) made these 64 bytes; no for any key but GOST of 256 bits. */
export function verifyGost(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = gostPublicKey(spki);
  if (!key) return false;
  const { curve, point } = key;
  const { q, Point } = curve;
  const s = bigEndian(signature.subarray(0, size));
  const r = bigEndian(signature.subarray(size));
  if (signature.length !== 2 * size || s === 0n || r === 0n || s >= q || r >= q) return false;
  const v = Point.Fn.inv(numberOf(message, curve));
  const c = Point.BASE.multiplyUnsafe((s * v) % q).add(point.multiplyUnsafe(((q - r) * v) % q));
  return !c.is0() && c.toAffine().x % q === r;
}

function gostPublicKey(spki: Uint8Array) {
  const { algorithm, subjectPublicKey } = pkijs.PublicKeyInfo.fromBER(Uint8Array.from(spki));
  if (algorithm.algorithmId !== keyOid) return undefined;
  const [name] = algorithm.algorithmParams.valueBlock.value;
  const curve = curveOf(name.valueBlock.toString());
  // OCTET STRING of 64 bytes: X and Y, little-endian
  const xy = subjectPublicKey.valueBlock.valueHexView.subarray(2);
  const [x, y] = [littleEndian(xy.subarray(0, size)), littleEndian(xy.subarray(size))];
  const point = curve.Point.fromAffine({ x, y });
  point.assertValidity();
  return { curve, point };
}

const algorithm = sequence(oid(keyOid), sequence(oid(cryptoProA.oids[0]), oid(digestOid)));

/** SubjectPublicKeyInfo of the public half. */
export function gostSpki(secret: bigint): Uint8Array {
  const { x, y } = cryptoProA.Point.BASE.multiply(secret).toAffine();
  const point = Buffer.concat([bytesOf(x).reverse(), bytesOf(y).reverse()]);
  return sequence(algorithm, bits(octets(point)));
}

/** PKCS#8 with the number as little-endian bytes, as OpenSSL's engine writes it. */
export const gostPkcs8 = (secret: bigint): Uint8Array =>
  sequence(integer(0), algorithm, octets(bytesOf(secret).reverse()));

/** Reads what `gostPkcs8` wrote; undefined for a key of another algorithm. */
export function gostSecretOf(pkcs8: Uint8Array): bigint | undefined {
  const { privateKeyAlgorithm, privateKey } = pkijs.PrivateKeyInfo.fromBER(Uint8Array.from(pkcs8));
  if (privateKeyAlgorithm.algorithmId !== keyOid) return undefined;
  return littleEndian(privateKey.valueBlock.valueHexView);
}
