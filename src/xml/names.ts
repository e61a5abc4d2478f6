import { classes, isNamePair, NAME, NAME_START } from "./characters.ts";

/** A qualified name as written, cut at its colon. */
export interface QName {
  readonly qname: string;
  readonly prefix: string;
  readonly local: string;
  readonly codes: Uint16Array;
}

const COLON = 0x3a;
const size = 2048;
// names repeat from message to message: a fixed table keeps one string of each and never grows
const known: (QName | undefined)[] = new Array(size).fill(undefined);

/** True when the name stands in `codes` (UTF-16) from `at` on; what follows it is not looked at. */
export function matches(codes: Uint16Array, at: number, name: Uint16Array): boolean {
  for (let i = 0; i < name.length; i += 1) if (codes[at + i] !== name[i]) return false;
  return true;
}

/** The name at [start, end) of `codes` with its hash, or undefined when it is no QName (Namespaces [7]). */
export function internName(codes: Uint16Array, start: number, end: number, hash: number): QName | undefined {
  const slot = hash & (size - 1);
  const found = known[slot];
  if (found !== undefined && found.codes.length === end - start && matches(codes, start, found.codes)) {
    return found;
  }
  const made = cut(codes.slice(start, end));
  // a long name could pin memory in the table
  if (made !== undefined && made.codes.length <= 128) known[slot] = made;
  return made;
}

function cut(codes: Uint16Array): QName | undefined {
  const qname = textOf(codes);
  const colon = qname.indexOf(":");
  if (colon === -1) return { qname, prefix: "", local: qname, codes };
  const local = textOf(codes.subarray(colon + 1));
  const first = codes[colon + 1] ?? 0;
  const starts = (classes[first] ?? 0) & NAME_START || isNamePair(first, codes[colon + 2] ?? 0);
  if (colon === 0 || !starts || local.includes(":")) return undefined;
  return { qname, prefix: textOf(codes.subarray(0, colon)), local, codes };
}

// a fresh string: a slice of the document would keep the whole document alive
function textOf(codes: Uint16Array): string {
  return Buffer.from(codes.buffer, codes.byteOffset, codes.byteLength).toString("utf16le");
}

/** Whether the text is an NCName (Namespaces [4]): a name without a colon. */
export function isLocalName(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const wanted = at === 0 ? NAME_START : NAME;
    if (isNamePair(unit, text.charCodeAt(at + 1))) at += 1;
    else if (((classes[unit] ?? 0) & wanted) === 0 || unit === COLON) return false;
  }
  return text !== "";
}
