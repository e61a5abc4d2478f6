import { GatewayError } from "../core/errors.ts";
import { attributeOf, elementsOf, type XmlElement } from "../xml/tree.ts";
import { writeXml } from "../xml/write.ts";
import {
  elementsOfType,
  type FhirElement,
  type FhirElements,
  isPrimitiveType,
  isResourceType,
} from "./elements.ts";

export const FHIR_NAMESPACE = "http://hl7.org/fhir";
export const XHTML_NAMESPACE = "http://www.w3.org/1999/xhtml";

const INTEGER = /^-?(0|[1-9][0-9]*)$/;
const numbers: ReadonlyMap<string, RegExp> = new Map([
  ["integer", INTEGER],
  ["unsignedInt", INTEGER],
  ["positiveInt", INTEGER],
  // R4 datatypes, decimal: every such text is a number of JSON too
  ["decimal", /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/],
]);

/** JSON text of a resource's element, decimals as they are written; throws GatewayError with the path. */
export function resourceText(element: XmlElement, path?: string): string {
  if (element.ns !== FHIR_NAMESPACE || !isResourceType(element.name)) {
    throw refuse("not a resource type of R4 in the namespace of FHIR", path ?? "Resource");
  }
  const members = membersOf(element, element.name, path ?? element.name);
  return `{${[`"resourceType":"${element.name}"`, ...members].join(",")}}`;
}

function refuse(detail: string, field: string): GatewayError {
  return new GatewayError("bad-request", { detail, field });
}

function membersOf(element: XmlElement, typeName: string, path: string): string[] {
  const type = elementsOfType(typeName);
  if (type === undefined) throw refuse("an element of a type that this server does not know", path);
  const members = attributeMembers(element, type, path);
  for (const [known, items] of grouped(element, type, path)) {
    const place = `${path}.${known.name}`;
    if (items.length > 1 && !known.array) throw refuse("an element that must not repeat", place);
    members.push(...(isPrimitiveType(known.type) ? primitiveMembers : complexMembers)(known, items, place));
  }
  if (members.length === 0 && !isResourceType(typeName)) {
    throw refuse("an element with neither value nor content", path);
  }
  return members;
}

function attributeMembers(element: XmlElement, type: FhirElements, path: string): string[] {
  return element.attrs
    .filter((each) => each.ns === "")
    .map(({ name, value }) => {
      if (type.get(name)?.attribute !== true || value === "")
        throw refuse("an attribute without meaning here", path);
      return `"${name}":${JSON.stringify(value)}`;
    });
}

/** The children by what the type knows of them, in order of appearance. */
function grouped(element: XmlElement, type: FhirElements, path: string): Map<FhirElement, XmlElement[]> {
  const groups = new Map<FhirElement, XmlElement[]>();
  for (const child of element.children) {
    if (typeof child === "string") {
      if (child.trim() !== "") throw refuse("text where only elements may stand", path);
      continue;
    }
    const known = type.get(child.name);
    const ns = known?.type === "xhtml" ? XHTML_NAMESPACE : FHIR_NAMESPACE;
    if (known === undefined || known.attribute || child.ns !== ns)
      throw refuse("an element that the type does not have", path);
    groups.set(known, [...(groups.get(known) ?? []), child]);
  }
  return groups;
}

function placeOf(known: FhirElement, path: string, index: number): string {
  return known.array ? `${path}[${index}]` : path;
}

function primitiveMembers(known: FhirElement, items: readonly XmlElement[], path: string): string[] {
  const values = items.map((item, i) => literalOf(item, known.type, placeOf(known, path, i)));
  const extras = items.map((item, i) => extraOf(item, values[i] === undefined, placeOf(known, path, i)));
  return [member(known.name, known.array, values), member(`_${known.name}`, known.array, extras)].flat();
}

function member(name: string, array: boolean, texts: readonly (string | undefined)[]): string[] {
  if (texts.every((each) => each === undefined)) return [];
  const items = texts.map((each) => each ?? "null").join(",");
  return [`"${name}":${array ? `[${items}]` : items}`];
}

function literalOf(element: XmlElement, type: string, path: string): string | undefined {
  const value = attributeOf(element, "value");
  if (value === undefined) return undefined;
  const number = numbers.get(type);
  const valid =
    type === "boolean" ? value === "true" || value === "false" : (number?.test(value) ?? value !== "");
  if (!valid) throw refuse(`a value that is no ${type}`, path);
  return type === "boolean" || number !== undefined ? value : JSON.stringify(value);
}

// id and extensions of a primitive
function extraOf(element: XmlElement, alone: boolean, path: string): string | undefined {
  const rest = { ...element, attrs: element.attrs.filter((each) => each.name !== "value" || each.ns !== "") };
  if (!alone && rest.attrs.length === 0 && elementsOf(rest).length === 0) return undefined;
  return `{${membersOf(rest, "Element", path).join(",")}}`;
}

function complexMembers(known: FhirElement, items: readonly XmlElement[], path: string): string[] {
  const texts = items.map((item, i) => complexText(item, known.type, placeOf(known, path, i)));
  return member(known.name, known.array, texts);
}

function complexText(element: XmlElement, type: string, path: string): string {
  if (type === "xhtml") return JSON.stringify(writeXml(withoutPrefixes(element), { declaration: false }));
  if (type !== "Resource") return `{${membersOf(element, type, path).join(",")}}`;
  const [resource, ...others] = elementsOf(element);
  if (resource === undefined || others.length > 0) throw refuse("not exactly one resource", path);
  return resourceText(resource, path);
}

// JSON's div begins with <div xmlns=…>, whatever prefixes the XML had
function withoutPrefixes({ name, ns, attrs, children }: XmlElement): XmlElement {
  const own = attrs.map((each) => ({ name: each.name, ns: each.ns, value: each.value }));
  return {
    name,
    ns,
    attrs: own,
    children: children.map((child) => (typeof child === "string" ? child : withoutPrefixes(child))),
  };
}
