import { encode } from "iconv-lite";
import type { XmlAttribute } from "./attributes.ts";
import type { XmlEncoding } from "./decode.ts";
import { XmlError } from "./error.ts";
import { escapeValue, fits } from "./escape.ts";
import { isLocalName } from "./names.ts";
import { mayDeclare, XML_NAMESPACE } from "./namespaces.ts";
import type { XmlElement } from "./tree.ts";

interface WriteOptions {
  /** preferred prefixes by namespace name, "" for the default namespace; for what names none itself */
  readonly prefixes?: ReadonlyMap<string, string>;
  /** whether the XML declaration comes first; true by default */
  readonly declaration?: boolean;
  /** 64 by default, as in reading */
  readonly maxDepth?: number;
}

type Bindings = ReadonlyMap<string, string>;
const atStart: Bindings = new Map([
  ["xml", XML_NAMESPACE],
  ["", ""],
]);

/**
 * Writes a tree as a document's text: namespaces as they were read or else declared where needed, attributes
 * in order. Throws XmlError for a name, a character or a declaration that XML forbids.
 */
export function writeXml(root: XmlElement, options: WriteOptions = {}): string {
  return new Writer(options, "utf-8").document(root);
}

/** The bytes of `writeXml` in an encoding; what it lacks is written as references, refused in names. */
export function encodeXml(root: XmlElement, encoding: XmlEncoding, options: WriteOptions = {}): Buffer {
  const text = new Writer(options, encoding).document(root);
  return encoding === "utf-8" ? Buffer.from(text) : encode(text, "win1251");
}

class Writer {
  readonly #options: WriteOptions;
  readonly #encoding: XmlEncoding;

  constructor(options: WriteOptions, encoding: XmlEncoding) {
    this.#options = options;
    this.#encoding = encoding;
  }

  document(root: XmlElement): string {
    const declaration = `<?xml version="1.0" encoding="${this.#encoding === "utf-8" ? "UTF-8" : this.#encoding}"?>\n`;
    return (this.#options.declaration === false ? "" : declaration) + this.element(root, atStart, 1);
  }

  private element(element: XmlElement, outer: Bindings, depth: number): string {
    if (depth > (this.#options.maxDepth ?? 64))
      throw new XmlError("limit-exceeded", "a tree over the limit maxDepth");
    const tag = new TagNames(element, outer, this.#options.prefixes);
    const name = this.name(tag.elementPrefix(), element.name);
    const attributes = element.attrs.map((each) => this.attribute(tag.attributePrefix(each), each));
    if (new Set(element.attrs.map((each) => `${each.ns} ${each.name}`)).size < attributes.length) {
      throw new XmlError("duplicate-attribute", "two attributes of one name");
    }
    const declarations = [...tag.declared].map(([prefix, uri]) => {
      const declared = prefix === "" ? "xmlns" : this.name("xmlns", prefix);
      return ` ${declared}="${escapeValue(uri, "attribute", this.#encoding)}"`;
    });
    const start = `<${name}${declarations.join("")}${attributes.join("")}`;
    let content = "";
    for (const child of element.children) {
      content +=
        typeof child === "string"
          ? escapeValue(child, "text", this.#encoding)
          : this.element(child, tag.bindings, depth + 1);
    }
    return content === "" ? `${start}/>` : `${start}>${content}</${name}>`;
  }

  private attribute(prefix: string, { name, value }: XmlAttribute): string {
    return ` ${this.name(prefix, name)}="${escapeValue(value, "attribute", this.#encoding)}"`;
  }

  private name(prefix: string, local: string): string {
    const parts = prefix === "" ? [local] : [prefix, local];
    for (const part of parts) {
      if (!isLocalName(part)) throw new XmlError("invalid-name", "a name that XML does not allow");
      if (!fits(part, this.#encoding))
        throw new XmlError("invalid-name", `a name that ${this.#encoding} cannot hold`);
    }
    return parts.join(":");
  }
}

/** Chooses the prefixes of one tag and gathers the declarations that they need. */
class TagNames {
  readonly declared = new Map<string, string>();
  bindings: Bindings;
  readonly #element: XmlElement;
  // what the tag declares or uses already means one thing only
  readonly #fixed = new Set<string>();
  readonly #prefixes: ReadonlyMap<string, string> | undefined;

  constructor(element: XmlElement, outer: Bindings, prefixes: ReadonlyMap<string, string> | undefined) {
    this.#element = element;
    this.#prefixes = prefixes;
    this.bindings = outer;
    for (const [prefix, uri] of element.namespaces ?? []) {
      if (this.declared.has(prefix)) throw new XmlError("invalid-namespace", "a prefix declared twice");
      this.declare(prefix, uri);
    }
  }

  elementPrefix(): string {
    const { ns, prefix } = this.#element;
    if (ns === "") return this.bind("", "");
    const found = prefix === undefined ? this.bound(ns, true) : this.same(prefix, ns);
    return this.take(found ?? prefix ?? this.#prefixes?.get(ns) ?? "", ns);
  }

  attributePrefix({ ns, prefix }: XmlAttribute): string {
    if (ns === "") return "";
    const found = (prefix ? this.same(prefix, ns) : undefined) ?? this.bound(ns, false);
    return this.take((found ?? prefix) || this.#prefixes?.get(ns) || undefined, ns);
  }

  private same(prefix: string, ns: string): string | undefined {
    return this.bindings.get(prefix) === ns ? prefix : undefined;
  }

  // the default namespace does not apply to attributes
  private bound(ns: string, mayBeDefault: boolean): string | undefined {
    const candidates = [this.#prefixes?.get(ns), "", ...this.bindings.keys()];
    return candidates.find((prefix) => {
      return prefix !== undefined && (prefix !== "" || mayBeDefault) && this.bindings.get(prefix) === ns;
    });
  }

  private take(wanted: string | undefined, ns: string): string {
    if (wanted !== undefined && (this.same(wanted, ns) !== undefined || !this.#fixed.has(wanted))) {
      return this.bind(wanted, ns);
    }
    let number = 1;
    while (this.bindings.has(`ns${number}`)) number += 1;
    return this.bind(`ns${number}`, ns);
  }

  private bind(prefix: string, uri: string): string {
    if (this.bindings.get(prefix) !== uri) {
      if (this.#fixed.has(prefix))
        throw new XmlError("invalid-namespace", "a default namespace declared over none");
      this.declare(prefix, uri);
    }
    this.#fixed.add(prefix);
    return prefix;
  }

  private declare(prefix: string, uri: string): void {
    if (!mayDeclare(prefix, uri))
      throw new XmlError("invalid-namespace", "a namespace declaration that is not allowed");
    this.declared.set(prefix, uri);
    this.#fixed.add(prefix);
    this.bindings = new Map(this.bindings).set(prefix, uri);
  }
}
