import { classes, isPair, VALUE } from "./characters.ts";
import type { Cursor } from "./cursor.ts";
import type { XmlLimits } from "./limits.ts";
import type { QName } from "./names.ts";
import { mayDeclare, type NamespaceDeclaration, type NamespaceScope } from "./namespaces.ts";

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const LESS = 0x3c;
const SLASH = 0x2f;
const TAB = 0x9;
const NEWLINE = 0xa;
const APOSTROPHE = 0x27;
const QUOTE = 0x22;

/** An attribute; `ns` is "" for one without a prefix (the default namespace does not apply). */
export interface XmlAttribute {
  readonly name: string;
  readonly ns: string;
  readonly value: string;
  /** as it was read; a writer's first choice */
  readonly prefix?: string;
}

interface RawAttribute {
  readonly name: QName;
  readonly value: string;
  readonly at: number;
}

interface TagAttributes {
  readonly attrs: readonly XmlAttribute[];
  readonly namespaces: readonly NamespaceDeclaration[];
}

const none: TagAttributes = { attrs: Object.freeze([]), namespaces: Object.freeze([]) };

/** Reads the attributes of start tags and resolves prefixes in the given scope. */
export class AttributeReader {
  readonly #scope: NamespaceScope;
  readonly #limits: XmlLimits;

  constructor(scope: NamespaceScope, limits: XmlLimits) {
    this.#scope = scope;
    this.#limits = limits;
  }

  /** Reads up to the tag's `>` or `/`, where `pos` then stands; declarations are in force after it. */
  read(cursor: Cursor): TagAttributes {
    const after = cursor.units[cursor.pos];
    if (after === GREATER || after === SLASH) return none;
    const raw = this.readAll(cursor);
    if (raw.length === 0) return none;
    // nothing may change before the tag is known to be whole
    if (cursor.pos + 1 >= cursor.end && cursor.units[cursor.pos] !== GREATER) {
      throw cursor.unexpected(cursor.end, "the end of a tag");
    }
    const namespaces = raw.filter(isDeclaration).map((each) => this.declaration(each, cursor));
    for (const [prefix, uri] of namespaces) this.#scope.declare(prefix, uri);
    const attrs: XmlAttribute[] = [];
    for (const each of raw) if (!isDeclaration(each)) attrs.push(this.resolve(each, attrs, cursor));
    return { attrs, namespaces };
  }

  /** The namespace of an element's name; throws XmlError "unbound-prefix". */
  elementNamespace(name: QName, cursor: Cursor, at: number): string {
    return name.prefix === "" ? this.#scope.default : this.namespaceOf(name, cursor, at);
  }

  private readAll(cursor: Cursor): RawAttribute[] {
    const raw: RawAttribute[] = [];
    for (;;) {
      const at = cursor.skipSpace(cursor.pos);
      const unit = cursor.units[at];
      if (unit === GREATER || unit === SLASH) {
        cursor.pos = at;
        return raw;
      }
      if (at === cursor.pos) throw cursor.unexpected(at, "white space");
      if (raw.length >= this.#limits.maxAttributes) throw cursor.limit("maxAttributes", at);
      cursor.pos = at;
      const name = cursor.name("an attribute's name");
      // the constraint "Unique Att Spec"
      if (raw.some((other) => other.name.qname === name.qname)) throw duplicate(cursor, at);
      raw.push({ name, value: this.value(cursor), at });
    }
  }

  private value(cursor: Cursor): string {
    const start = this.openingQuote(cursor);
    const quote = cursor.unit(start);
    let from = start + 1;
    let at = from;
    let value = "";
    for (;;) {
      while (((classes[cursor.units[at] ?? 0] ?? 0) & VALUE) !== 0) at += 1;
      const unit = cursor.unit(at);
      if (unit === quote) break;
      if (unit === AMPERSAND || unit === TAB || unit === NEWLINE) {
        value += cursor.source.slice(from, at) + this.replaced(cursor, at, unit);
        at = cursor.pos;
        from = at;
      } else at = this.oddValue(cursor, at);
    }
    if (at - start > this.#limits.maxTextLength) throw cursor.limit("maxTextLength", start);
    cursor.pos = at + 1;
    return value + cursor.source.slice(from, at);
  }

  private openingQuote(cursor: Cursor): number {
    const equals = cursor.skipSpace(cursor.pos);
    if (cursor.units[equals] !== EQUALS) throw cursor.unexpected(equals, "an equals sign");
    const at = cursor.skipSpace(equals + 1);
    const quote = cursor.unit(at);
    if (quote !== QUOTE && quote !== APOSTROPHE) throw cursor.unexpected(at, "a quotation mark");
    return at;
  }

  // section 3.3.3: literal white space becomes a blank, referenced white space stays
  private replaced(cursor: Cursor, at: number, unit: number): string {
    if (unit === AMPERSAND) return cursor.reference(at);
    cursor.pos = at + 1;
    return " ";
  }

  private oddValue(cursor: Cursor, at: number): number {
    const unit = cursor.unit(at);
    if (unit === QUOTE || unit === APOSTROPHE) return at + 1;
    if (isPair(unit, cursor.unit(at + 1))) return at + 2;
    // the constraint "No < in Attribute Values"
    if (unit === LESS) throw cursor.fail("unexpected-markup", "< in an attribute value", at);
    throw cursor.unexpected(at, "an attribute value");
  }

  private declaration({ name, value, at }: RawAttribute, cursor: Cursor): NamespaceDeclaration {
    const prefix = name.prefix === "" ? "" : name.local;
    if (!mayDeclare(prefix, value)) {
      throw cursor.fail("invalid-namespace", "a namespace declaration that is not allowed", at);
    }
    return [prefix, value];
  }

  private resolve({ name, value, at }: RawAttribute, before: XmlAttribute[], cursor: Cursor): XmlAttribute {
    if (name.prefix === "") return { name: name.local, ns: "", value };
    const ns = this.namespaceOf(name, cursor, at);
    // Namespaces, section 6.3: two prefixes may name one namespace
    if (before.some((other) => other.name === name.local && other.ns === ns)) throw duplicate(cursor, at);
    return { name: name.local, ns, value, prefix: name.prefix };
  }

  private namespaceOf({ prefix }: QName, cursor: Cursor, at: number): string {
    const ns = this.#scope.resolve(prefix);
    if (ns === undefined) throw cursor.fail("unbound-prefix", "a prefix that is bound to no namespace", at);
    return ns;
  }
}

function isDeclaration({ name }: RawAttribute): boolean {
  return name.prefix === "xmlns" || name.qname === "xmlns";
}

function duplicate(cursor: Cursor, at: number) {
  return cursor.fail("duplicate-attribute", "an attribute that the tag already has", at);
}
