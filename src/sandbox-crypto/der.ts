import * as asn1 from "asn1js";

type Part = Uint8Array | undefined;

const written = (block: { toBER(): ArrayBuffer }): Uint8Array => new Uint8Array(block.toBER());
const blocks = (parts: readonly Part[]) =>
  parts.filter((part) => part !== undefined).map((part) => asn1.fromBER(part).result);

/** SEQUENCE of ready elements; `undefined` parts are absent options. */
export const sequence = (...parts: readonly Part[]) => written(new asn1.Sequence({ value: blocks(parts) }));

/** SET OF, in the order that DER wants. */
export const set = (...parts: readonly Uint8Array[]) =>
  written(new asn1.Set({ value: blocks([...parts].sort(Buffer.compare)) }));

/** A constructed context tag: EXPLICIT, or IMPLICIT over SEQUENCE and SET. */
export const tagged = (tagNumber: number, ...parts: readonly Part[]) =>
  written(new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber }, value: blocks(parts) }));

/** A primitive context tag: IMPLICIT over strings of any kind and NULL. */
export const taggedBytes = (tagNumber: number, valueHex: Uint8Array = new Uint8Array()) =>
  written(new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: Uint8Array.from(valueHex) }));

/** OBJECT IDENTIFIER from its dotted form. */
export const oid = (value: string) => written(new asn1.ObjectIdentifier({ value }));

export const integer = (value: bigint | number) => written(asn1.Integer.fromBigInt(BigInt(value)));

export const enumerated = (value: number) => written(new asn1.Enumerated({ value }));

export const octets = (bytes: Uint8Array) =>
  written(new asn1.OctetString({ valueHex: Uint8Array.from(bytes) }));

export const bits = (bytes: Uint8Array, unusedBits = 0) =>
  written(new asn1.BitString({ valueHex: Uint8Array.from(bytes), unusedBits }));

export const yes = written(new asn1.Boolean({ value: true }));

export const none = written(new asn1.Null());

export const utf8 = (value: string) => written(new asn1.Utf8String({ value }));

export const printable = (value: string) => written(new asn1.PrintableString({ value }));

export const numeric = (value: string) => written(new asn1.NumericString({ value }));

// neither form has room for parts of a second (RFC 5280 section 4.1.2.5)
const wholeSeconds = (time: Date) => new Date(Math.floor(time.getTime() / 1000) * 1000);

export const generalizedTime = (time: Date) =>
  written(new asn1.GeneralizedTime({ valueDate: wholeSeconds(time) }));

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
export const time = (at: Date) =>
  at.getUTCFullYear() < 2050
    ? written(new asn1.UTCTime({ valueDate: wholeSeconds(at) }))
    : generalizedTime(at);
