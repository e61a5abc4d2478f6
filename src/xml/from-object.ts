import type { XmlAttribute } from "./attributes.ts";
import { XmlError } from "./error.ts";
import { TEXT_PROPERTY, TYPE_PROPERTY, type XmlElementModel, type XmlModel } from "./model.ts";
import { XSI_NAMESPACE } from "./namespaces.ts";
import type { XmlElement, XmlNode } from "./tree.ts";

interface Place {
  readonly name: string;
  readonly ns: string;
}

/**
 * The element that `toObject` reads as the value: attributes and elements in the model's order, `xmlText` as
 * text, `xsiType` as xsi:type; null and undefined are left out, numbers and booleans become text. An element
 * takes its parent's namespace unless the model names one. Throws XmlError for what the model does not have.
 */
export function fromObject(place: Place, value: object, model: XmlModel): XmlElement {
  const properties = new Map<string, unknown>(Object.entries(value));
  const attrs = (model.attributes ?? []).flatMap((name) => attributeOf(name, properties.get(name)));
  const type = properties.get(TYPE_PROPERTY);
  if (type !== undefined && !model.elements.has(TYPE_PROPERTY)) {
    attrs.push({ name: "type", ns: XSI_NAMESPACE, value: textOf(type), prefix: "xsi" });
  }
  const children: XmlNode[] = [];
  const text = properties.get(TEXT_PROPERTY);
  if (text !== undefined && text !== null && !model.elements.has(TEXT_PROPERTY)) children.push(textOf(text));
  for (const [name, known] of model.elements) {
    const child = { name, ns: known.ns ?? place.ns };
    for (const item of itemsOf(name, properties.get(name), known))
      children.push(elementOf(child, item, known));
  }
  refuseUnknown(properties, model);
  return { ...place, attrs, children };
}

function attributeOf(name: string, value: unknown): XmlAttribute[] {
  return value === undefined || value === null ? [] : [{ name, ns: "", value: textOf(value) }];
}

function itemsOf(name: string, value: unknown, known: XmlElementModel): unknown[] {
  const items = (Array.isArray(value) ? value : [value]).filter(
    (item) => item !== undefined && item !== null,
  );
  if (items.length > 1 && !known.array) {
    throw new XmlError("repeated-element", `${name} stands twice where the model has one`);
  }
  return items;
}

function elementOf(place: Place, item: unknown, { content }: XmlElementModel): XmlElement {
  if (content === undefined) {
    const text = textOf(item);
    return { ...place, attrs: [], children: text === "" ? [] : [text] };
  }
  const object = typeof item === "object" && item !== null ? item : { [TEXT_PROPERTY]: item };
  return fromObject(place, object, content);
}

// a Date has no place here: as text it would need a zone that the value does not say
function textOf(value: unknown): string {
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw new XmlError("unexpected-element", "an object where the model has text only");
}

function refuseUnknown(properties: ReadonlyMap<string, unknown>, { elements, attributes }: XmlModel): void {
  for (const [name, value] of properties) {
    const known =
      elements.has(name) || attributes?.includes(name) || name === TEXT_PROPERTY || name === TYPE_PROPERTY;
    if (!known && value !== undefined && value !== null) {
      throw new XmlError("unknown-property", `the model has no ${name}`);
    }
  }
}
