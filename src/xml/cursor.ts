import { classes, isNamePair, isXmlCharacter, NAME, NAME_START, SPACE } from "./characters.ts";
import { advance, XmlError, type XmlErrorCode, type XmlPosition } from "./error.ts";
import type { XmlLimits } from "./limits.ts";
import { internName, type QName } from "./names.ts";

const AMPERSAND = 0x26;
const HASH = 0x23;
const SEMICOLON = 0x3b;
const predefined: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", apos: "'", quot: '"' };

// typed-array reads of code units are several times faster than charCodeAt; the extra unit, NUL, is no
// character of XML, so loops stop there
function unitsOf(source: string): Uint16Array {
  const buffer = Buffer.allocUnsafeSlow((source.length + 1) * 2);
  buffer.write(source, 0, "utf16le");
  const units = new Uint16Array(buffer.buffer, buffer.byteOffset, source.length + 1);
  units[source.length] = 0;
  return units;
}

/** Reads the small pieces of markup (names, references, white space) and knows where it stands. */
export class Cursor {
  readonly source: string;
  readonly units: Uint16Array;
  readonly end: number;
  readonly limits: XmlLimits;
  readonly #origin: XmlPosition;
  // the place asked for last: asking again and again on the way must not count from the start
  #known: { at: number; position: XmlPosition };
  pos = 0;

  constructor(source: string, limits: XmlLimits, origin: XmlPosition = { line: 1, column: 1 }) {
    this.source = source;
    this.units = unitsOf(source);
    this.end = source.length;
    this.limits = limits;
    this.#origin = origin;
    this.#known = { at: 0, position: origin };
  }

  unit(at: number): number {
    return this.units[at] ?? 0;
  }

  positionAt(at: number): XmlPosition {
    const { at: from, position } = this.#known;
    if (at < from) return advance(this.#origin, this.source.slice(0, at));
    this.#known = { at, position: advance(position, this.source.slice(from, at)) };
    return this.#known.position;
  }

  fail(code: XmlErrorCode, message: string, at: number): XmlError {
    return new XmlError(code, message, this.positionAt(Math.min(at, this.end)));
  }

  limit(name: keyof XmlLimits, at: number): XmlError {
    return this.fail("limit-exceeded", `over the limit ${name} = ${this.limits[name]}`, at);
  }

  /** What stands at a place where it must not: the end, a forbidden character, or other markup. */
  unexpected(at: number, wanted: string): XmlError {
    if (at >= this.end) return this.fail("unexpected-end", `the text ends where ${wanted} is due`, this.end);
    const point = this.source.codePointAt(at) ?? 0;
    if (!isXmlCharacter(point)) return this.fail("invalid-character", "a character that XML forbids", at);
    return this.fail("unexpected-markup", `${wanted} is due here`, at);
  }

  skipSpace(from: number): number {
    let at = from;
    while (((classes[this.unit(at)] ?? 0) & SPACE) !== 0) at += 1;
    return at;
  }

  /** Reads a QName at `pos` and moves past it. */
  name(wanted: string): QName {
    const units = this.units;
    const start = this.pos;
    let at = this.nameStart(start, wanted);
    let hash = units[start] ?? 0;
    for (;;) {
      const unit = units[at] ?? 0;
      if (((classes[unit] ?? 0) & NAME) !== 0) at += 1;
      else if (isNamePair(unit, units[at + 1] ?? 0)) at += 2;
      else break;
      hash = (Math.imul(hash, 31) + unit) | 0;
    }
    // a name cut by the end of the text is no name yet
    if (at >= this.end) throw this.unexpected(at, wanted);
    const found = internName(units, start, at, hash);
    if (found === undefined) throw this.fail("invalid-name", "a colon out of place in a name", start);
    this.pos = at;
    return found;
  }

  private nameStart(at: number, wanted: string): number {
    const unit = this.unit(at);
    if (((classes[unit] ?? 0) & NAME_START) !== 0) return at + 1;
    if (isNamePair(unit, this.unit(at + 1))) return at + 2;
    throw this.unexpected(at, wanted);
  }

  /** The character that the reference at `at` (an ampersand) stands for; `pos` moves past it. */
  reference(at: number): string {
    let stop = at + 1;
    if (this.unit(stop) === HASH) stop += 1;
    while (isAsciiAlphanumeric(this.unit(stop)) && stop - at < 32) stop += 1;
    if (stop >= this.end) throw this.unexpected(stop, "the end of a reference");
    if (this.unit(at) !== AMPERSAND || this.unit(stop) !== SEMICOLON) throw this.badReference(at);
    const body = this.source.slice(at + 1, stop);
    this.pos = stop + 1;
    if (body.startsWith("#")) return this.characterReference(body, at);
    const found = Object.hasOwn(predefined, body) ? predefined[body] : undefined;
    if (found === undefined) throw this.badReference(at);
    return found;
  }

  private badReference(at: number): XmlError {
    return this.fail(
      "undefined-entity",
      "only the five predefined entities and character references exist",
      at,
    );
  }

  // production [66] CharRef and the constraint "Legal Character"
  private characterReference(body: string, at: number): string {
    const hex = /^#x([0-9a-fA-F]+)$/.exec(body)?.[1];
    const decimal = /^#([0-9]+)$/.exec(body)?.[1];
    if (hex === undefined && decimal === undefined) throw this.badReference(at);
    const point = hex === undefined ? Number.parseInt(decimal ?? "", 10) : Number.parseInt(hex, 16);
    if (!isXmlCharacter(point)) {
      throw this.fail("invalid-character", "a reference to a character that XML forbids", at);
    }
    return String.fromCodePoint(point);
  }
}

function isAsciiAlphanumeric(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
}
