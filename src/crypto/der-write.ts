import { CryptoError } from "./errors.ts";

// X.690: distinguished encoding on writing; on reading also the indefinite lengths that CMS tools emit
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element with the given identifier octet around the parts. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOctets(length)), ...parts]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [0x80 | octets.length, ...octets];
}

/** SEQUENCE of ready elements; `undefined` parts are absent options. */
export function derSequence(...parts: readonly (Uint8Array | undefined)[]): Uint8Array {
  return derElement(TAG.sequence, ...parts.filter((part) => part !== undefined));
}

/** SET OF in the order DER wants. */
export function derSet(...parts: readonly Uint8Array[]): Uint8Array {
  return derElement(TAG.set, ...[...parts].sort(Buffer.compare));
}

/** EXPLICIT (or constructed IMPLICIT) context tag `number`. */
export function derContext(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return derElement(0xa0 | number, ...parts);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    if (!Number.isSafeInteger(arc) || arc < 0)
      throw new CryptoError("bad-encoding", `${dotted} is not an object identifier`);
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return derElement(TAG.oid, Uint8Array.from(octets));
}

/** INTEGER, also of negative numbers. */
export function derInteger(value: bigint | number, tag: number = TAG.integer): Uint8Array {
  const number = BigInt(value);
  let size = 1;
  while (BigInt.asIntN(size * 8, number) !== number) size += 1;
  const hex = BigInt.asUintN(size * 8, number).toString(16);
  return derElement(tag, Buffer.from(hex.padStart(size * 2, "0"), "hex"));
}

/** BIT STRING of whole bytes, or with `unused` low bits of the last one. */
export function derBitString(bytes: Uint8Array, unused = 0): Uint8Array {
  return derElement(TAG.bitString, Uint8Array.of(unused), bytes);
}

/** OCTET STRING. */
export function derOctets(...parts: readonly Uint8Array[]): Uint8Array {
  return derElement(TAG.octetString, ...parts);
}

/** NULL. */
export function derNull(): Uint8Array {
  return derElement(TAG.null);
}

/** BOOLEAN. */
export function derBoolean(value: boolean): Uint8Array {
  return derElement(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

/** A character string of the given type. */
export function derText(text: string, tag: number = TAG.utf8String): Uint8Array {
  return derElement(tag, Buffer.from(text, tag === TAG.utf8String ? "utf8" : "latin1"));
}

/** Whole seconds as UTCTime up to 2049 and GeneralizedTime after (RFC 5280 section 4.1.2.5); `general` forces the latter. */
export function derTime(time: Date, general = false): Uint8Array {
  const digits = time
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replace(/\D/g, "");
  const year = time.getUTCFullYear();
  const short = !general && year >= 1950 && year < 2050;
  return derText(`${short ? digits.slice(2) : digits}Z`, short ? TAG.utcTime : TAG.generalizedTime);
}
