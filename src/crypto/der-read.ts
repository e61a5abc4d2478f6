import { derElement, TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";

const MAX_DEPTH = 40;

/** One element: `tag` is the identifier octet, `bytes` the whole element, `content` what the length covers. */
export interface DerElement {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

function bad(message: string): CryptoError {
  return new CryptoError("bad-encoding", message);
}

interface Header {
  tag: number;
  /** Undefined for the indefinite form. */
  length: number | undefined;
  headerLength: number;
}

function readHeader(bytes: Uint8Array, indefiniteAllowed: boolean): Header {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw bad("element is cut short");
  if ((tag & 0x1f) === 0x1f) throw bad("tag numbers above 30 are not used here");
  if (first < 0x80) return { tag, length: first, headerLength: 2 };
  if (first !== 0x80) return readLongLength(bytes, tag, first, indefiniteAllowed);
  if (!indefiniteAllowed || (tag & 0x20) === 0) throw bad("indefinite length");
  return { tag, length: undefined, headerLength: 2 };
}

function readLongLength(bytes: Uint8Array, tag: number, first: number, anyForm: boolean): Header {
  const count = first & 0x7f;
  if (count > 4 || bytes.length < 2 + count) throw bad("length field is too long");
  let length = 0;
  for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte;
  if (!anyForm && (length < 0x80 || bytes[2] === 0)) throw bad("length is not minimal");
  return { tag, length, headerLength: 2 + count };
}

/** Reads the element at the start of `bytes` and leaves what follows it; throws `bad-encoding`. */
function readElement(bytes: Uint8Array): DerElement {
  const { tag, length = 0, headerLength } = readHeader(bytes, false);
  const end = headerLength + length;
  if (end > bytes.length) throw bad("element is longer than its container");
  return { tag, bytes: bytes.subarray(0, end), content: bytes.subarray(headerLength, end) };
}

/** Reads exactly one element; anything after it throws `bad-encoding`. */
export function readDer(bytes: Uint8Array, tag?: number): DerElement {
  const element = readElement(bytes);
  if (element.bytes.length !== bytes.length) throw bad("bytes follow the element");
  if (tag !== undefined) expectTag(element, tag);
  return element;
}

/** The element itself when its tag is `tag`, else `bad-encoding`. */
export function expectTag(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) {
    throw bad(
      `expected tag 0x${tag.toString(16)}, got ${element ? `0x${element.tag.toString(16)}` : "nothing"}`,
    );
  }
  return element;
}

/** The elements inside a constructed one (or inside an encapsulating string). */
export function childrenOf(element: DerElement): DerElement[] {
  const out: DerElement[] = [];
  for (let rest = element.content; rest.length > 0; ) {
    const child = readElement(rest);
    out.push(child);
    rest = rest.subarray(child.bytes.length);
  }
  return out;
}

/** Rewrites BER (indefinite lengths, strings in pieces) as definite lengths; DER comes back as it was. */
export function berToDer(bytes: Uint8Array): Uint8Array {
  const { out, used } = normalize(bytes, 0);
  if (used !== bytes.length) throw bad("bytes follow the element");
  return out;
}

const CONSTRUCTED_OCTET_STRING = TAG.octetString | 0x20;

function normalize(bytes: Uint8Array, depth: number): { out: Uint8Array; used: number } {
  if (depth > MAX_DEPTH) throw bad("elements are nested too deep");
  const { tag, length, headerLength } = readHeader(bytes, true);
  const end = length === undefined ? bytes.length : headerLength + length;
  if (end > bytes.length) throw bad("element is longer than its container");
  if ((tag & 0x20) === 0) return { out: derElement(tag, bytes.subarray(headerLength, end)), used: end };
  const parts: Uint8Array[] = [];
  let at = headerLength;
  while (length === undefined ? !isEndOfContents(bytes, at) : at < end) {
    const part = normalize(bytes.subarray(at, end), depth + 1);
    parts.push(part.out);
    at += part.used;
  }
  const used = length === undefined ? at + 2 : end;
  if (tag !== CONSTRUCTED_OCTET_STRING) return { out: derElement(tag, ...parts), used };
  return {
    out: derElement(TAG.octetString, ...parts.map((part) => readDer(part, TAG.octetString).content)),
    used,
  };
}

function isEndOfContents(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0 && bytes[at + 1] === 0;
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function readOid(element: DerElement | undefined): string {
  const { content } = expectTag(element, TAG.oid);
  const arcs: number[] = [];
  let value = 0;
  content.forEach((byte, index) => {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw bad("object identifier arc is too large");
    if ((byte & 0x80) !== 0) {
      if (index === content.length - 1) throw bad("object identifier is cut short");
      return;
    }
    arcs.push(value);
    value = 0;
  });
  const [first] = arcs;
  if (first === undefined) throw bad("object identifier is empty");
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}

/** A non-negative or negative INTEGER (also ENUMERATED) as bigint. */
export function readInteger(element: DerElement | undefined): bigint {
  if (element?.tag !== TAG.enumerated) expectTag(element, TAG.integer);
  const content = element?.content ?? new Uint8Array();
  if (content.length === 0) throw bad("integer is empty");
  const value = BigInt(`0x${Buffer.from(content).toString("hex")}`);
  return BigInt.asIntN(content.length * 8, value);
}

/** The bytes of a BIT STRING without unused bits. */
export function readBitString(element: DerElement | undefined): Uint8Array {
  const { content } = expectTag(element, TAG.bitString);
  if (content[0] !== 0) throw bad("bit string has unused bits");
  return content.subarray(1);
}

/** UTCTime or GeneralizedTime in the Z form that RFC 5280 requires. */
export function readTime(element: DerElement | undefined): Date {
  const text = Buffer.from(element?.content ?? []).toString("latin1");
  const short = element?.tag === TAG.utcTime;
  if (!short) expectTag(element, TAG.generalizedTime);
  const match = (
    short ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/
  ).exec(text);
  if (!match) throw bad("time is not in the Z form");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const century = short ? (year < 50 ? 2000 : 1900) : 0;
  const time = new Date(Date.UTC(century + year, month - 1, day, hour, minute, second));
  if (time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day) throw bad("time names no real day");
  return time;
}

/** Any character string type as text; BMPString and TeletexString are read as UTF-16 and latin1. */
export function readText(element: DerElement): string {
  const bytes = Buffer.from(element.content);
  if (element.tag === 0x1e) return bytes.length % 2 === 0 ? bytes.swap16().toString("utf16le") : "";
  return bytes.toString(element.tag === TAG.utf8String ? "utf8" : "latin1");
}
