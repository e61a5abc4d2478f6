import { AttributeReader, type XmlAttribute } from "./attributes.ts";
import { classes, isPair, SPACE, TEXT } from "./characters.ts";
import { Cursor } from "./cursor.ts";
import { XmlError, type XmlPosition } from "./error.ts";
import type { XmlLimits } from "./limits.ts";
import { matches, type QName } from "./names.ts";
import { type NamespaceDeclaration, NamespaceScope } from "./namespaces.ts";

const AMPERSAND = 0x26;
const BANG = 0x21;
const BRACKET = 0x5d;
const GREATER = 0x3e;
const LESS = 0x3c;
const QUESTION = 0x3f;
const SLASH = 0x2f;

/** One start tag, resolved; the arrays are shared when empty: never write to them. */
export interface StartTag {
  readonly name: { readonly local: string; readonly prefix: string };
  readonly ns: string;
  readonly attrs: readonly XmlAttribute[];
  readonly namespaces: readonly NamespaceDeclaration[];
}

/** What a scanner tells: the elements and the text in document order, and nothing else. */
export interface Sink {
  open(tag: StartTag): void;
  text(value: string): void;
  close(): void;
}

/**
 * Checks a document's well-formedness (XML 1.0, Namespaces in XML 1.0) and tells a sink what it holds.
 * Text may come in pieces: `scan` takes tokens only whole, and `pos` stays at the first that is not.
 */
export class Scanner {
  readonly #limits: XmlLimits;
  readonly #sink: Sink;
  readonly #scope = new NamespaceScope();
  readonly #attributes: AttributeReader;
  readonly #open: QName[] = [];
  readonly #declared: number[] = [];
  #cursor: Cursor;
  #elements = 0;
  #rootSeen = false;

  constructor(limits: XmlLimits, sink: Sink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#cursor = new Cursor("", limits);
    this.#attributes = new AttributeReader(this.#scope, limits);
  }

  /** Where the next token begins in the text given last. */
  get offset(): number {
    return this.#cursor.pos;
  }

  position(): XmlPosition {
    return this.#cursor.positionAt(this.#cursor.pos);
  }

  /** Takes all tokens of `source`; throws XmlError, "unexpected-end" where the last one is cut. */
  scan(source: string, { from = 0, origin }: { from?: number; origin?: XmlPosition } = {}): void {
    const cursor = new Cursor(source, this.#limits, origin);
    cursor.pos = from;
    this.#cursor = cursor;
    let at = from;
    try {
      while (cursor.pos < cursor.end) {
        at = cursor.pos;
        this.token(cursor);
      }
    } catch (error) {
      cursor.pos = at;
      throw placed(error, cursor, at);
    }
  }

  /** Throws XmlError when the text ended before the root element did. */
  finish(): void {
    if (this.#open.length > 0 || !this.#rootSeen) {
      throw this.#cursor.unexpected(this.#cursor.end, this.#rootSeen ? "an end tag" : "the root element");
    }
  }

  private token(cursor: Cursor): void {
    if (cursor.units[cursor.pos] !== LESS) {
      if (this.#open.length === 0) this.outsideText(cursor);
      else this.text(cursor);
      return;
    }
    switch (cursor.units[cursor.pos + 1]) {
      case SLASH:
        this.endTag(cursor);
        return;
      case BANG:
        this.bang(cursor);
        return;
      case QUESTION:
        this.instruction(cursor);
        return;
      default:
        this.startTag(cursor);
    }
  }

  private startTag(cursor: Cursor): void {
    const start = cursor.pos;
    if (this.#open.length === 0 && this.#rootSeen) {
      throw cursor.fail("unexpected-markup", "a document has one root element", start);
    }
    cursor.pos = start + 1;
    const name = cursor.name("a tag's name");
    const { attrs, namespaces } = this.#attributes.read(cursor);
    const empty = cursor.units[cursor.pos] === SLASH;
    if (empty) cursor.pos += 1;
    if (cursor.units[cursor.pos] !== GREATER) throw cursor.unexpected(cursor.pos, "the end of a tag");
    if (this.#open.length >= this.#limits.maxDepth) throw cursor.limit("maxDepth", start);
    this.#elements += 1;
    if (this.#elements > this.#limits.maxElements) throw cursor.limit("maxElements", start);
    const ns = this.#attributes.elementNamespace(name, cursor, start);
    cursor.pos += 1;
    this.#rootSeen = true;
    this.#open.push(name);
    this.#declared.push(namespaces.length);
    this.#sink.open({ name, ns, attrs, namespaces });
    if (empty) this.leave();
  }

  private endTag(cursor: Cursor): void {
    const at = cursor.pos + 2;
    const name = this.#open[this.#open.length - 1];
    if (name === undefined)
      throw cursor.fail("unexpected-markup", "an end tag without a start tag", cursor.pos);
    const after = at + name.codes.length;
    if (after >= cursor.end) throw this.cutEndTag(cursor, at);
    if (!matches(cursor.units, at, name.codes)) throw this.mismatch(cursor);
    let stop = after;
    if (cursor.units[stop] !== GREATER) stop = cursor.skipSpace(stop);
    if (stop >= cursor.end) throw cursor.unexpected(stop, "the end of a tag");
    if (cursor.units[stop] !== GREATER) throw this.mismatch(cursor);
    cursor.pos = stop + 1;
    this.leave();
  }

  // a short end tag at the end of the text is wrong already if it is whole
  private cutEndTag(cursor: Cursor, at: number) {
    const whole = cursor.source.indexOf(">", at) !== -1;
    return whole ? this.mismatch(cursor) : cursor.unexpected(cursor.end, "the end of a tag");
  }

  private mismatch(cursor: Cursor) {
    return cursor.fail("mismatched-tag", "an end tag that does not close the open element", cursor.pos);
  }

  private leave(): void {
    this.#open.pop();
    const declared = this.#declared.pop() ?? 0;
    if (declared > 0) this.#scope.leave(declared);
    this.#sink.close();
  }

  private bang(cursor: Cursor): void {
    const { source, pos } = cursor;
    if (source.startsWith("<!--", pos)) this.comment(cursor);
    else if (source.startsWith("<![CDATA[", pos) && this.#open.length > 0) this.cdata(cursor);
    else if (source.startsWith("<!DOCTYPE", pos)) {
      throw cursor.fail("doctype", "a document type declaration is refused", pos);
    } else if (cursor.end - pos < 9 && /^<!(-?|\[C?D?A?T?A?|D?O?C?T?Y?P?)$/.test(source.slice(pos))) {
      throw cursor.unexpected(cursor.end, "markup");
    } else throw cursor.fail("unexpected-markup", "markup that cannot stand here", pos);
  }

  // production [15]: no "--" inside
  private comment(cursor: Cursor): void {
    const dashes = cursor.source.indexOf("--", cursor.pos + 4);
    const stop = dashes === -1 ? cursor.end : dashes;
    this.checkCharacters(cursor, cursor.pos + 4, stop);
    if (dashes === -1 || dashes + 2 >= cursor.end)
      throw cursor.unexpected(cursor.end, "the end of a comment");
    if (cursor.units[dashes + 2] !== GREATER) {
      throw cursor.fail("unexpected-markup", "two hyphens inside a comment", dashes);
    }
    cursor.pos = dashes + 3;
  }

  private cdata(cursor: Cursor): void {
    const start = cursor.pos + 9;
    const found = cursor.source.indexOf("]]>", start);
    const stop = found === -1 ? cursor.end : found;
    if (stop - start > this.#limits.maxTextLength) throw cursor.limit("maxTextLength", start);
    this.checkCharacters(cursor, start, stop);
    if (found === -1) throw cursor.unexpected(cursor.end, "the end of a CDATA section");
    if (stop > start) this.#sink.text(cursor.source.slice(start, stop));
    cursor.pos = found + 3;
  }

  // productions [16] and [17]; Namespaces, section 7: the target has no colon
  private instruction(cursor: Cursor): void {
    const start = cursor.pos;
    cursor.pos = start + 2;
    const target = cursor.name("the target of a processing instruction");
    if (target.prefix !== "" || target.local.toLowerCase() === "xml") {
      throw cursor.fail("invalid-name", "a reserved target of a processing instruction", start);
    }
    const found = cursor.source.indexOf("?>", cursor.pos);
    const stop = found === -1 ? cursor.end : found;
    if (stop > cursor.pos && cursor.skipSpace(cursor.pos) === cursor.pos) {
      throw cursor.unexpected(cursor.pos, "white space");
    }
    this.checkCharacters(cursor, cursor.pos, stop);
    if (found === -1) throw cursor.unexpected(cursor.end, "the end of a processing instruction");
    cursor.pos = found + 2;
  }

  private outsideText(cursor: Cursor): void {
    const stop = cursor.skipSpace(cursor.pos);
    if (stop < cursor.end && cursor.units[stop] !== LESS) throw cursor.unexpected(stop, "markup");
    cursor.pos = stop;
  }

  private text(cursor: Cursor): void {
    const units = cursor.units;
    const start = cursor.pos;
    let at = start;
    let from = start;
    let value = "";
    for (;;) {
      while (((classes[units[at] ?? 0] ?? 0) & TEXT) !== 0) at += 1;
      const unit = units[at] ?? 0;
      if (unit === LESS) break;
      if (unit === AMPERSAND) {
        value += cursor.source.slice(from, at) + cursor.reference(at);
        at = cursor.pos;
        from = at;
      } else at = this.oddText(cursor, at);
    }
    if (at - start > this.#limits.maxTextLength) throw cursor.limit("maxTextLength", start);
    cursor.pos = at;
    this.#sink.text(value + cursor.source.slice(from, at));
  }

  private oddText(cursor: Cursor, at: number): number {
    const unit = cursor.unit(at);
    if (isPair(unit, cursor.unit(at + 1))) return at + 2;
    if (unit !== BRACKET) throw cursor.unexpected(at, "text");
    // production [14]
    if (cursor.source.startsWith("]]>", at)) throw cursor.fail("unexpected-markup", "]]> in text", at);
    return at + 1;
  }

  private checkCharacters(cursor: Cursor, from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      const unit = cursor.unit(at);
      if (
        ((classes[unit] ?? 0) & (TEXT | SPACE)) !== 0 ||
        unit === LESS ||
        unit === AMPERSAND ||
        unit === BRACKET
      ) {
        continue;
      }
      if (!isPair(unit, cursor.unit(at + 1))) throw cursor.unexpected(at, "a character");
      at += 1;
    }
  }
}

// what a sink refuses has the place of its token
function placed(error: unknown, cursor: Cursor, at: number): unknown {
  if (!(error instanceof XmlError) || error.line !== undefined) return error;
  return new XmlError(error.code, error.message, cursor.positionAt(at), { cause: error });
}
