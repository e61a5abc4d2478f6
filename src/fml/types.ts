export type JsonKind = "string" | "number" | "boolean";

/** One element of a type. `types` holds one name, or several for a choice such as `value[x]`. */
export interface ElementDefinition {
  readonly types: readonly string[];
  readonly array: boolean;
  readonly min: number;
  readonly choice?: true;
  readonly attribute?: true;
}

/**
 * A type with all its elements, inherited ones included. `logical` types come from a wire format's model and have
 * no companions (`_name`) beside their primitives; FHIR types have.
 */
export interface TypeDefinition {
  readonly name: string;
  readonly kind: "primitive" | "complex" | "resource" | "logical";
  readonly base?: string;
  readonly abstract?: true;
  readonly json?: JsonKind;
  readonly elements: Readonly<Record<string, ElementDefinition>>;
}

/** Types by name; whoever holds it asks for single types and never goes through all. */
export type TypeTable = Pick<ReadonlyMap<string, TypeDefinition>, "get" | "has">;

/** How an element stands in JSON: its property and, if the element is known, its type. */
export interface ResolvedElement {
  readonly property: string;
  readonly types: readonly string[];
  readonly array: boolean;
  readonly min: number;
  /** the element's own name when it is a choice: `value` for `valueString` */
  readonly choice?: string;
}

const upperFirst = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** The JSON property of a choice element for one of its types: `value` + `string` is `valueString`. */
export function choiceProperty(element: string, type: string): string {
  return element + upperFirst(type);
}

/** Finds an element by its name, or by the JSON name of one type of a choice (`valueString`). */
export function findElement(type: TypeDefinition, name: string): ResolvedElement | undefined {
  const own = Object.hasOwn(type.elements, name) ? type.elements[name] : undefined;
  if (own !== undefined) {
    const { types, array, min } = own;
    return { property: name, types, array, min, ...(own.choice === true ? { choice: name } : {}) };
  }
  for (const [element, definition] of Object.entries(type.elements)) {
    const variant = definition.choice && definition.types.find((t) => choiceProperty(element, t) === name);
    if (variant !== undefined) {
      return { property: name, types: [variant], array: definition.array, min: 0 };
    }
  }
  return undefined;
}

/** Whether `type` is `ancestor` or derives from it. */
export function isSubtype(table: TypeTable, type: string, ancestor: string): boolean {
  for (let name: string | undefined = type; name !== undefined; name = table.get(name)?.base) {
    if (name === ancestor) {
      return true;
    }
  }
  return false;
}

/** The FHIRPath System type of each FHIR primitive that is not a String. */
export const systemTypes: Readonly<Record<string, string>> = {
  boolean: "Boolean",
  integer: "Integer",
  positiveInt: "Integer",
  unsignedInt: "Integer",
  decimal: "Decimal",
  date: "Date",
  dateTime: "DateTime",
  instant: "DateTime",
  time: "Time",
};

/** The FHIRPath System type behind a FHIR primitive or a System type's own name; undefined for complex types. */
export function systemTypeOf(table: TypeTable, type: string): string | undefined {
  if (type.startsWith("System.")) {
    return type.slice("System.".length);
  }
  return table.get(type)?.kind === "primitive" ? (systemTypes[type] ?? "String") : undefined;
}

/** Whether a type is one of FHIR's dates and times, whose text must be in the calendar. */
export const isTimed = (type: string) =>
  type === "date" || type === "dateTime" || type === "instant" || type === "time";

/** Names that would reach an object's prototype; no element, variable or group may bear one. */
export function isForbiddenName(name: string): boolean {
  return name === "__proto__" || name === "constructor" || name === "prototype";
}
