import type { Expression } from "./fhirpath-ast.ts";
import { choiceProperty, findElement, isForbiddenName, systemTypeOf, type TypeTable } from "./types.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * One item of a FHIRPath collection: a JSON value and its type's name (`Patient.contact`, `code`, `System.String`),
 * undefined where no model tells. `element` holds a primitive's id and extension; `digits` a decimal as written.
 */
export interface Node {
  readonly type: string | undefined;
  readonly value: unknown;
  readonly element?: JsonObject;
  readonly digits?: string;
}

export interface Quantity {
  readonly value: number;
  /** a UCUM code, or a calendar word such as `year` when `calendar` */
  readonly unit: string;
  readonly calendar: boolean;
}

/** What an expression sees: types, variables, `$this`; and the limits that bound its work. */
export interface Scope {
  readonly types: TypeTable;
  readonly variables: ReadonlyMap<string, readonly Node[]>;
  readonly self: readonly Node[];
  readonly index?: number;
  readonly total?: readonly Node[];
  readonly root: readonly Node[];
  readonly resource: readonly Node[];
  readonly context: readonly Node[];
  readonly now: string;
  readonly log?: (message: string) => void;
  /** what does not keep to its model is refused where it is read */
  readonly holdsToModel: boolean;
  evaluate(expression: Expression, change: Partial<Scope>): readonly Node[];
}

/** A function of FHIRPath: how many arguments it takes and what it makes of its input. */
export interface PathFunction {
  readonly min: number;
  readonly max: number;
  run(input: readonly Node[], args: readonly Expression[], scope: Scope): readonly Node[];
}

/** Most items of a collection that an expression may make: past it the conversion is refused. */
export const maxItems = 100_000;

/** True for a JSON object: neither null nor a list. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value of a FHIRPath System type. */
export const system = (type: string, value: unknown): Node => ({ type: `System.${type}`, value });
/** A collection of one Boolean, or the empty one where it is not known. */
export const bool = (value: boolean | undefined): readonly Node[] =>
  value === undefined ? [] : [system("Boolean", value)];
/** A collection of one String, or the empty one. */
export const text = (value: string | undefined): readonly Node[] =>
  value === undefined ? [] : [system("String", value)];
/** A collection of one Integer. */
export const integer = (value: number): readonly Node[] => [system("Integer", value)];

/** The FHIRPath System type of a node, by its declared type or else by its JSON kind. */
export function systemType(types: TypeTable, node: Node): string | undefined {
  const declared = node.type === undefined ? undefined : systemTypeOf(types, node.type);
  if (declared !== undefined) {
    return declared;
  }
  switch (typeof node.value) {
    case "string":
      return "String";
    case "boolean":
      return "Boolean";
    case "number":
      return Number.isInteger(node.value) ? "Integer" : "Decimal";
    default:
      return node.type === "Quantity" ? "Quantity" : undefined;
  }
}

/** A node for a JSON value; a resource's own `resourceType` wins over the declared type. */
export function nodeOf(type: string | undefined, value: unknown, element?: JsonObject): Node {
  const actual = isObject(value) && typeof value["resourceType"] === "string" ? value["resourceType"] : type;
  return element === undefined ? { type: actual, value } : { type: actual, value, element };
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

// FHIR JSON splits a primitive in two: the value and, under _name, its id and extensions
function nodesAt(owner: JsonObject, property: string, type: string | undefined): readonly Node[] {
  const values = Object.hasOwn(owner, property) ? asList(owner[property]) : [];
  const companions = Object.hasOwn(owner, `_${property}`) ? asList(owner[`_${property}`]) : [];
  const nodes: Node[] = [];
  for (let i = 0; i < Math.max(values.length, companions.length); i += 1) {
    const value = values[i] ?? undefined;
    const companion = companions[i];
    if (value !== undefined || isObject(companion)) {
      nodes.push(nodeOf(type, value, isObject(companion) ? companion : undefined));
    }
  }
  return nodes;
}

function childrenOfPrimitive(node: Node, name: string, types: TypeTable): readonly Node[] {
  if (name === "value") {
    return node.value === undefined ? [] : [system(systemType(types, node) ?? "String", node.value)];
  }
  if (name === "extension" || name === "id") {
    return nodesAt(node.element ?? {}, name, name === "id" ? "string" : "Extension");
  }
  return [];
}

/** The children of a node under one name; a choice is found by its own name and by its JSON name. */
export function childrenOf(node: Node, name: string, types: TypeTable): readonly Node[] {
  const { value } = node;
  if (isForbiddenName(name)) {
    return [];
  }
  if (!isObject(value)) {
    return node.type?.startsWith("System.") ? [] : childrenOfPrimitive(node, name, types);
  }
  const definition = node.type === undefined ? undefined : types.get(node.type);
  if (definition === undefined) {
    return untypedChildren(value, name, types);
  }
  const element = findElement(definition, name);
  if (element === undefined) {
    return [];
  }
  return element.choice === undefined
    ? nodesAt(value, element.property, element.types[0])
    : element.types.flatMap((type) => nodesAt(value, choiceProperty(name, type), type));
}

function untypedChildren(owner: JsonObject, name: string, types: TypeTable): readonly Node[] {
  if (Object.hasOwn(owner, name) || Object.hasOwn(owner, `_${name}`)) {
    return nodesAt(owner, name, undefined);
  }
  const property = Object.keys(owner).find(
    (key) => key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)),
  );
  if (property === undefined) {
    return [];
  }
  const suffix = property.slice(name.length);
  const lower = suffix.charAt(0).toLowerCase() + suffix.slice(1);
  return nodesAt(
    owner,
    property,
    [suffix, lower].find((type) => types.has(type)),
  );
}

/** Every child of a node, in the order of its properties. */
export function allChildren(node: Node, types: TypeTable): readonly Node[] {
  if (!isObject(node.value)) {
    return node.element === undefined ? [] : childrenOf(node, "extension", types);
  }
  const names = new Set(Object.keys(node.value).map((key) => key.replace(/^_/, "")));
  names.delete("resourceType");
  return [...names].flatMap((name) => childrenOf(node, name, types));
}
