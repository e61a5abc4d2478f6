import type { XmlAttribute } from "./attributes.ts";
import type { NamespaceDeclaration } from "./namespaces.ts";
import type { Sink, StartTag } from "./scanner.ts";

/** An element; children keep all text, white space between elements too (comments are dropped). */
export interface XmlElement {
  /** local name */
  readonly name: string;
  /** namespace name, "" for none */
  readonly ns: string;
  /** as it was read; a writer's first choice */
  readonly prefix?: string;
  readonly attrs: readonly XmlAttribute[];
  readonly namespaces?: readonly NamespaceDeclaration[];
  readonly children: readonly XmlNode[];
}

export type XmlNode = XmlElement | string;

interface OpenElement extends XmlElement {
  readonly children: XmlNode[];
}

/** A sink that keeps the elements as a tree. */
export class TreeBuilder implements Sink {
  readonly #open: OpenElement[] = [];
  root: XmlElement | undefined;

  open({ name, ns, attrs, namespaces }: StartTag): void {
    const element = { name: name.local, ns, prefix: name.prefix, attrs, namespaces, children: [] };
    const parent = this.#open[this.#open.length - 1];
    if (parent === undefined) this.root = element;
    else parent.children.push(element);
    this.#open.push(element);
  }

  text(value: string): void {
    const children = this.#open[this.#open.length - 1]?.children;
    if (children === undefined) return;
    const last = children[children.length - 1];
    // text, CDATA and text again are one run
    if (typeof last === "string") children[children.length - 1] = last + value;
    else children.push(value);
  }

  close(): void {
    this.#open.pop();
  }
}

/** The element children, optionally only those of a local name and a namespace. */
export function elementsOf(element: XmlElement, name?: string, ns?: string): XmlElement[] {
  return element.children.filter(
    (child): child is XmlElement =>
      typeof child !== "string" &&
      (name === undefined || child.name === name) &&
      (ns === undefined || child.ns === ns),
  );
}

/** The first element child of that local name, in that namespace when one is given. */
export function elementOf(element: XmlElement, name: string, ns?: string): XmlElement | undefined {
  return elementsOf(element, name, ns)[0];
}

/** All text within the element, of its descendants too, in document order. */
export function textOf(element: XmlElement): string {
  let text = "";
  for (const child of element.children) text += typeof child === "string" ? child : textOf(child);
  return text;
}

/** The value of the attribute of that local name and namespace ("" by default), or undefined. */
export function attributeOf(element: XmlElement, name: string, ns = ""): string | undefined {
  return element.attrs.find((attribute) => attribute.name === name && attribute.ns === ns)?.value;
}
