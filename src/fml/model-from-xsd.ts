import { attributeOf, elementsOf, type XmlElement } from "../xml/tree.ts";
import type { LogicalModel, ModelElement } from "./logical-model.ts";

const xsd = "http://www.w3.org/2001/XMLSchema";

type Members = Record<string, ModelElement>;

interface Building {
  readonly named: ReadonlyMap<string, XmlElement>;
  readonly types: Record<string, Members>;
  /** the root's type bears the element's name, by which a document is found */
  readonly rootType: { readonly schemaName: string; readonly name: string };
}

const all = (element: XmlElement): readonly XmlElement[] => [element, ...elementsOf(element).flatMap(all)];
const localName = (qualified: string) => qualified.slice(qualified.indexOf(":") + 1);
const within = (element: XmlElement, name: string) => elementsOf(element, name, xsd);

/**
 * Makes a model from an XSD, or from a WSDL that holds its schemas: the types below one root element, in schema order.
 * Every simple type becomes a string: what a text means is the map's business. Throws RangeError if the root is not there.
 */
export function modelFromXsd(document: XmlElement, root: string, url: string): LogicalModel {
  const schemas = all(document).filter(({ name, ns }) => name === "schema" && ns === xsd);
  const named = new Map<string, XmlElement>();
  for (const part of schemas.flatMap((schema) => elementsOf(schema))) {
    named.set(`${part.name} ${attributeOf(part, "name") ?? ""}`, part);
  }
  const element = named.get(`element ${root}`);
  if (element === undefined) {
    throw new RangeError(`the schema has no element ${root}`);
  }
  const schemaName = localName(attributeOf(element, "type") ?? "");
  const name = named.has(`complexType ${root}`) ? schemaName : root;
  const building: Building = { named, types: {}, rootType: { schemaName, name } };
  const type = typeOf(building, element, root);
  const namespace = schemas
    .map((schema) => attributeOf(schema, "targetNamespace"))
    .find((ns) => ns !== undefined);
  return { url, root: type, ...(namespace === undefined ? {} : { namespace }), types: building.types };
}

// the name of an element's type in the model; complex types are read when they are first met
function typeOf(building: Building, element: XmlElement, hint: string): string {
  const [inline] = within(element, "complexType");
  const name = localName(attributeOf(element, "type") ?? "");
  const complex = inline ?? building.named.get(`complexType ${name}`);
  if (complex === undefined) {
    return "string";
  }
  const { rootType } = building;
  const declared = name === rootType.schemaName ? rootType.name : name;
  const own = inline === undefined ? declared : freeName(building, hint);
  if (!Object.hasOwn(building.types, own)) {
    const members: Members = {};
    building.types[own] = members;
    addMembers(building, complex, members, { optional: false, repeats: false });
  }
  return own;
}

function freeName({ types, named }: Building, hint: string): string {
  const isTaken = (name: string) => Object.hasOwn(types, name) || named.has(`complexType ${name}`);
  let name = hint;
  for (let i = 2; isTaken(name); i += 1) {
    name = `${hint}${i}`;
  }
  return name;
}

interface Particle {
  readonly optional: boolean;
  readonly repeats: boolean;
}

function addMembers(building: Building, parent: XmlElement, members: Members, particle: Particle): void {
  for (const child of elementsOf(parent, undefined, xsd)) {
    switch (child.name) {
      case "element":
        addElement(building, child, members, particle);
        break;
      case "attribute":
        addAttribute(building, child, members);
        break;
      case "extension":
        addBase(building, child, members);
        addMembers(building, child, members, particle);
        break;
      case "sequence":
      case "all":
      case "choice":
      case "complexContent":
      case "simpleContent":
      case "restriction":
        addMembers(building, child, members, occurs(child, particle, child.name === "choice"));
        break;
    }
  }
}

function occurs(element: XmlElement, around: Particle, isChoice = false): Particle {
  return {
    optional: around.optional || isChoice || attributeOf(element, "minOccurs") === "0",
    repeats: around.repeats || !["0", "1", undefined].includes(attributeOf(element, "maxOccurs")),
  };
}

function addBase(building: Building, extension: XmlElement, members: Members): void {
  const base = building.named.get(`complexType ${localName(attributeOf(extension, "base") ?? "")}`);
  if (base !== undefined) {
    addMembers(building, base, members, { optional: false, repeats: false });
  }
}

function addElement(building: Building, element: XmlElement, members: Members, around: Particle): void {
  const ref = attributeOf(element, "ref");
  const declared = ref === undefined ? element : building.named.get(`element ${localName(ref)}`);
  const name = attributeOf(declared ?? element, "name") ?? localName(ref ?? "");
  const { optional, repeats } = occurs(element, around);
  members[name] = {
    type:
      declared === undefined
        ? "string"
        : typeOf(building, declared, name.charAt(0).toUpperCase() + name.slice(1)),
    ...(optional ? {} : { min: 1 }),
    ...(repeats ? { max: "*" } : {}),
  };
}

function addAttribute({ named }: Building, attribute: XmlElement, members: Members): void {
  const ref = attributeOf(attribute, "ref");
  const declared = ref === undefined ? attribute : (named.get(`attribute ${localName(ref)}`) ?? attribute);
  const name = attributeOf(declared, "name") ?? localName(ref ?? "");
  const isRequired = attributeOf(attribute, "use") === "required";
  members[name] = { type: "string", ...(isRequired ? { min: 1 } : {}), attribute: true };
}
