import type { XmlAttribute } from "./attributes.ts";
import { XmlError } from "./error.ts";
import {
  TEXT_PROPERTY,
  TYPE_PROPERTY,
  type XmlElementModel,
  type XmlModel,
  type XmlObject,
} from "./model.ts";
import { XSI_NAMESPACE } from "./namespaces.ts";
import { type ReadOptions, scanDocument } from "./read.ts";
import type { Sink, StartTag } from "./scanner.ts";
import type { XmlElement } from "./tree.ts";

type Item = string | OpenObject;
interface OpenObject {
  [property: string]: Item | Item[] | undefined;
}

// an empty prototype, not none: Object.create(null) would cost the fast layout of properties
const Bare = class {} as unknown as { new (): OpenObject; prototype: object };
Object.setPrototypeOf(Bare.prototype, null);
Reflect.deleteProperty(Bare.prototype, "constructor");

const forbidden = new Set(["__proto__", "constructor", "prototype"]);
const notBlank = /[^ \t\n\r]/;

interface Frame {
  readonly name: string;
  readonly known: XmlElementModel | undefined;
  readonly attrs: readonly XmlAttribute[];
  object: OpenObject | undefined;
  text: string;
  type: string | undefined;
  nil: boolean;
}

class ObjectBuilder implements Sink {
  readonly #frames: Frame[] = [];
  readonly #root: XmlElementModel | undefined;
  name = "";
  ns = "";
  value: XmlObject | string = "";

  constructor(model: XmlModel | undefined) {
    this.#root = model === undefined ? undefined : { array: false, content: model };
  }

  open({ name: { local }, ns, attrs }: StartTag): void {
    const parent = this.#frames[this.#frames.length - 1];
    if (parent === undefined) {
      this.name = local;
      this.ns = ns;
    }
    const known = parent === undefined ? this.#root : this.enter(parent, local, ns);
    const frame: Frame = {
      name: local,
      known,
      attrs,
      object: undefined,
      text: "",
      type: undefined,
      nil: false,
    };
    if (attrs.length > 0) takeAttributes(frame);
    this.#frames.push(frame);
  }

  text(value: string): void {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame !== undefined) frame.text = frame.text === "" ? value : frame.text + value;
  }

  close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined || frame.nil) return;
    const value = made(frame);
    const object = this.#frames[this.#frames.length - 1]?.object;
    if (object === undefined) this.value = value as XmlObject | string;
    else put(object, frame, value);
  }

  private enter(parent: Frame, local: string, ns: string): XmlElementModel | undefined {
    if (forbidden.has(local)) throw new XmlError("forbidden-name", "a name that an object must not have");
    if (parent.known !== undefined && parent.known.content === undefined) {
      throw new XmlError("unexpected-element", "an element where the model has text only");
    }
    if (
      parent.attrs.length > 0 &&
      parent.attrs.some((each) => each.name === local && each.ns !== XSI_NAMESPACE)
    ) {
      throw new XmlError("name-collision", "an element named like an attribute of its parent");
    }
    parent.object ??= new Bare();
    const known = parent.known?.content?.elements.get(local);
    if (known?.ns !== undefined && known.ns !== ns) {
      throw new XmlError("unexpected-element", `${local} is in another namespace than the model's`);
    }
    return known;
  }
}

function takeAttributes(frame: Frame): void {
  const textOnly = frame.known !== undefined && frame.known.content === undefined;
  for (const attribute of frame.attrs) {
    if (attribute.ns === XSI_NAMESPACE) takeInstance(frame, attribute);
    else if (!textOnly) takeProperty(frame, attribute);
  }
}

function takeInstance(frame: Frame, { name, value }: XmlAttribute): void {
  const text = value.trim();
  if (name === "nil") frame.nil = text === "true" || text === "1";
  else if (name === "type") frame.type = text.slice(text.indexOf(":") + 1);
}

function takeProperty(frame: Frame, { name, value }: XmlAttribute): void {
  if (forbidden.has(name)) throw new XmlError("forbidden-name", "a name that an object must not have");
  frame.object ??= new Bare();
  setOnce(frame.object, name, value);
}

function made(frame: Frame): Item {
  const object = frame.object ?? (frame.known?.content === undefined ? undefined : new Bare());
  if (object === undefined) return frame.text;
  if (frame.type !== undefined) setOnce(object, TYPE_PROPERTY, frame.type);
  if (frame.text !== "" && notBlank.test(frame.text)) setOnce(object, TEXT_PROPERTY, frame.text);
  return object;
}

function setOnce(object: OpenObject, property: string, value: string): void {
  if (object[property] !== undefined)
    throw new XmlError("name-collision", "two parts of one element that would share a property");
  object[property] = value;
}

function put(object: OpenObject, { name, known }: Frame, value: Item): void {
  const before = object[name];
  if (before === undefined) object[name] = known?.array === true ? [value] : value;
  else if (Array.isArray(before)) before.push(value);
  else if (known === undefined) object[name] = [before, value];
  else throw new XmlError("repeated-element", `${name} stands twice where the model has one`);
}

/**
 * A plain object of an element, for maps. Elements and attributes become properties by local name:
 * - an element of text only is a string (not trimmed, "" when empty); one with elements or attributes is an
 *   object without a prototype, whose text, if not blank, is the property `xmlText`;
 * - by the model an element is an array, or a scalar that must not repeat; a model's content makes an object
 *   even of an empty element, and without content its attributes are dropped and elements in it refused;
 * - what the model does not know, and all without a model, is an array when it repeats;
 * - xsi:nil="true" leaves the element out, xsi:type is the property `xsiType` (local part) of an object and is
 *   dropped beside text only, other xsi attributes are dropped;
 * - `__proto__`, `constructor`, `prototype`, and names that would collide are refused with XmlError.
 */
export function toObject(element: XmlElement, model?: XmlModel): XmlObject | string {
  const builder = new ObjectBuilder(model);
  replay(element, builder);
  return builder.value;
}

function replay(element: XmlElement, sink: Sink): void {
  const name = { local: element.name, prefix: element.prefix ?? "" };
  sink.open({ name, ns: element.ns, attrs: element.attrs, namespaces: element.namespaces ?? [] });
  for (const child of element.children) {
    if (typeof child === "string") sink.text(child);
    else replay(child, sink);
  }
  sink.close();
}

/**
 * Reads a document straight into the object that `toObject` would make of it, with the root's name and
 * namespace for the caller to check. Throws XmlError like both.
 */
export function readObject(
  input: Uint8Array | string,
  options: ReadOptions & { readonly model?: XmlModel } = {},
): { name: string; ns: string; value: XmlObject | string } {
  const builder = new ObjectBuilder(options.model);
  scanDocument(input, options, builder);
  return { name: builder.name, ns: builder.ns, value: builder.value };
}
