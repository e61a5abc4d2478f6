import { isUtf8 } from "node:buffer";
import { advance, XmlError, type XmlPosition } from "./error.ts";

export type XmlEncoding = "utf-8" | "windows-1251";

// XML 1.0 productions [23] to [32], line ends already normalised
const declaration =
  /^<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/;

const start = { line: 1, column: 1 };

/** The declaration's length (0 without one) and its encoding label; throws XmlError "invalid-declaration". */
export function readDeclaration(source: string): { length: number; label: string | undefined } {
  if (!/^<\?xml[ \t\n]/.test(source)) return { length: 0, label: undefined };
  const found = declaration.exec(source);
  if (found === null) throw new XmlError("invalid-declaration", "an XML declaration that is not one", start);
  return { length: found[0].length, label: found[1] ?? found[2] };
}

/** The encoding that the first bytes name (byte order mark, then declaration); UTF-8 when they name none. */
export function detectEncoding(head: Uint8Array): XmlEncoding {
  const [first, second, third] = head;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xfe || first === 0xff || first === 0 || second === 0) {
    throw new XmlError("unsupported-encoding", "UTF-16 and UTF-32 are refused: send UTF-8", start);
  }
  const ascii = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 1024)).toString("latin1");
  const label = /^<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.-]+)["']/.exec(ascii)?.[1];
  return label === undefined ? "utf-8" : encodingOf(label);
}

/** Throws XmlError "invalid-encoding" when the declaration names another encoding than the bytes are in. */
export function checkLabel(label: string | undefined, encoding: XmlEncoding): void {
  if (label === undefined || encodingOf(label) === encoding) return;
  throw new XmlError(
    "invalid-encoding",
    `the declared encoding is not that of the bytes, ${encoding}`,
    start,
  );
}

/** Text of bytes that stand at `from`, a byte order mark included; throws XmlError "invalid-encoding". */
export function decode(bytes: Uint8Array, encoding: XmlEncoding, from: XmlPosition = start): string {
  if (encoding === "utf-8") {
    if (!isUtf8(bytes)) throw invalidUtf8(bytes, from);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }
  const undefinedByte = bytes.indexOf(0x98);
  const decoder = new TextDecoder("windows-1251");
  if (undefinedByte === -1) return decoder.decode(bytes);
  throw invalid(
    "0x98 is no character of windows-1251",
    decoder.decode(bytes.subarray(0, undefinedByte)),
    from,
  );
}

/** Section 2.11: each CR LF and each CR alone becomes LF. */
export function normalizeLineEnds(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function encodingOf(label: string): XmlEncoding {
  const lower = label.toLowerCase();
  if (lower === "utf-8" || lower === "utf8") return "utf-8";
  if (lower === "windows-1251" || lower === "cp1251") return "windows-1251";
  throw new XmlError("unsupported-encoding", "only UTF-8 and windows-1251 are read", start);
}

function invalidUtf8(bytes: Uint8Array, from: XmlPosition): XmlError {
  let good = 0;
  let bad = bytes.length;
  // the longest prefix that could still be the beginning of UTF-8
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    if (startsUtf8(bytes.subarray(0, middle))) good = middle;
    else bad = middle - 1;
  }
  const before = new TextDecoder("utf-8").decode(bytes.subarray(0, good), { stream: true });
  return invalid("a sequence of bytes that is not UTF-8", before, from);
}

function startsUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function invalid(message: string, before: string, from: XmlPosition): XmlError {
  return new XmlError("invalid-encoding", message, advance(from, normalizeLineEnds(before)));
}
