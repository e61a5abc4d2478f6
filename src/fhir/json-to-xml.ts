import { GatewayError } from "../core/errors.ts";
import type { XmlAttribute } from "../xml/attributes.ts";
import { XmlError } from "../xml/error.ts";
import { readXml } from "../xml/read.ts";
import type { XmlElement } from "../xml/tree.ts";
import { elementsOfType, type FhirElement, isPrimitiveType, isResourceType } from "./elements.ts";
import { FHIR_NAMESPACE, XHTML_NAMESPACE } from "./xml-to-json.ts";

/** Marks a decimal whose text a JavaScript number would not keep; no valid string begins with NUL. */
export const DECIMAL_MARK = "\u0000decimal:";

const MAX_DEPTH = 64;
const decimals = new Set(["decimal"]);
const integers = new Set(["integer", "unsignedInt", "positiveInt"]);

type Members = Readonly<Record<string, unknown>>;
type Content = Pick<XmlElement, "attrs" | "children">;

/** The element of a resource, its elements in the order of the specification; throws GatewayError with the path. */
export function resourceElement(resource: unknown): XmlElement {
  return new ElementBuilder().resource(resource, undefined);
}

class ElementBuilder {
  #depth = 0;

  resource(value: unknown, path: string | undefined): XmlElement {
    const members = membersOf(value, path ?? "Resource");
    const type = members["resourceType"];
    if (typeof type !== "string" || !isResourceType(type)) {
      throw refuse("resourceType names no resource type of FHIR R4", path ?? "Resource");
    }
    return element(type, this.content(members, type, path ?? type));
  }

  private content(members: Members, typeName: string, path: string): Content {
    const type = elementsOfType(typeName);
    if (type === undefined) throw refuse("an element of a type that this server does not know", path);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw refuse(`more than ${MAX_DEPTH} levels`, path);
    refuseUnknown(members, typeName, path);
    const attrs: XmlAttribute[] = [];
    const children: XmlElement[] = [];
    for (const known of type.values()) {
      const place = `${path}.${known.name}`;
      if (known.attribute) attrs.push(...attributeOf(known.name, members[known.name], place));
      else if (isPrimitiveType(known.type)) children.push(...this.primitives(known, members, place));
      else children.push(...this.complex(known, members[known.name], place));
    }
    this.#depth -= 1;
    if (attrs.length + children.length === 0 && !isResourceType(typeName)) {
      throw refuse("an element with neither value nor content", path);
    }
    return { attrs, children };
  }

  private primitives(known: FhirElement, members: Members, path: string): XmlElement[] {
    const values = itemsOf(known, members[known.name], path);
    const extras = itemsOf(known, members[`_${known.name}`], path);
    return Array.from({ length: Math.max(values.length, extras.length) }, (_, i) => {
      const place = known.array ? `${path}[${i}]` : path;
      const extra = extras[i] ?? undefined;
      const { attrs, children } =
        extra === undefined
          ? { attrs: [], children: [] }
          : this.content(membersOf(extra, place), "Element", place);
      const value = values[i] ?? undefined;
      if (value === undefined && extra === undefined) {
        throw refuse("an element with neither value nor content", place);
      }
      const own =
        value === undefined ? [] : [{ name: "value", ns: "", value: textOf(value, known.type, place) }];
      return element(known.name, { attrs: [...attrs, ...own], children });
    });
  }

  private complex(known: FhirElement, value: unknown, path: string): XmlElement[] {
    return itemsOf(known, value, path).map((item, i) => {
      const place = known.array ? `${path}[${i}]` : path;
      if (known.type === "xhtml") return narrative(item, place);
      if (known.type === "Resource")
        return element(known.name, { attrs: [], children: [this.resource(item, place)] });
      return element(known.name, this.content(membersOf(item, place), known.type, place));
    });
  }
}

function refuse(detail: string, field: string, cause?: unknown): GatewayError {
  return new GatewayError("bad-request", { detail, field, cause });
}

function element(name: string, content: Content): XmlElement {
  return { name, ns: FHIR_NAMESPACE, ...content };
}

function membersOf(value: unknown, path: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refuse("an object is due here", path);
  return value as Members;
}

function refuseUnknown(members: Members, typeName: string, path: string): void {
  const type = elementsOfType(typeName);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || (name === "resourceType" && isResourceType(typeName))) continue;
    const known = type?.get(name.replace(/^_/, ""));
    const extra = name.startsWith("_");
    if (known === undefined || (extra && (known.attribute || !isPrimitiveType(known.type)))) {
      throw refuse("a property that the type does not have", path);
    }
  }
}

function itemsOf(known: FhirElement, value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value) !== known.array)
    throw refuse(known.array ? "an array is due here" : "no array may stand here", path);
  return Array.isArray(value) ? value : [value];
}

function attributeOf(name: string, value: unknown, path: string): XmlAttribute[] {
  return value === undefined ? [] : [{ name, ns: "", value: textOf(value, "string", path) }];
}

function textOf(value: unknown, type: string, path: string): string {
  if (decimals.has(type) && typeof value === "string" && value.startsWith(DECIMAL_MARK)) {
    return value.slice(DECIMAL_MARK.length);
  }
  if (!isOfType(value, type)) throw refuse(`a value that is no ${type}`, path);
  return String(value);
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "boolean") return typeof value === "boolean";
  if (decimals.has(type)) return Number.isFinite(value);
  if (integers.has(type)) return Number.isSafeInteger(value);
  return typeof value === "string" && value !== "" && !value.startsWith(DECIMAL_MARK);
}

// a narrative is XHTML, so XML; HTML's entities are no part of it (R4 narrative)
function narrative(value: unknown, path: string): XmlElement {
  if (typeof value !== "string") throw refuse("a value that is no xhtml", path);
  try {
    const div = readXml(value);
    if (div.name === "div" && div.ns === XHTML_NAMESPACE) return div;
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw refuse(`not well-formed XHTML: ${error.message}`, path, error);
  }
  throw refuse("a narrative is a div in the namespace of XHTML", path);
}
