import { elementTable, openTypes, resourceTypes } from "./element-table.ts";

export interface FhirElement {
  /** of a choice the name with its type: valueQuantity */
  readonly name: string;
  /** a data type, a path such as Patient.contact, Resource, or a primitive (in small letters) */
  readonly type: string;
  readonly array: boolean;
  /** whether XML writes it as an attribute */
  readonly attribute: boolean;
  /** whether `_summary=true` shows it */
  readonly summary: boolean;
  readonly mandatory: boolean;
  /** its name without the type: value */
  readonly choiceOf?: string;
}

/** The elements of a type by name, in the order of the specification. */
export type FhirElements = ReadonlyMap<string, FhirElement>;

const resources = new Set(resourceTypes.split(" "));
const lines = new Map(
  elementTable
    .trim()
    .split("\n")
    .map((line): [string, string] => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
);
const parsed = new Map<string, FhirElements>();

/** Whether FHIR R4 has the resource type, served or not. */
export function isResourceType(name: string): boolean {
  return resources.has(name);
}

/** Whether a type's values are JSON strings, numbers or booleans; xhtml is a string too, but not so in XML. */
export function isPrimitiveType(type: string): boolean {
  return /^[a-z]/.test(type) && type !== "xhtml";
}

/** The elements of a type of the table; undefined for one that it lacks. */
export function elementsOfType(type: string): FhirElements | undefined {
  const line = lines.get(type);
  if (line === undefined) return undefined;
  const known =
    parsed.get(type) ??
    new Map(
      line
        .split(" ")
        .flatMap(elementsOf)
        .map((each) => [each.name, each]),
    );
  parsed.set(type, known);
  return known;
}

function elementsOf(entry: string): FhirElement[] {
  const [, name = "", choice, array, attribute, summary, mandatory, types = ""] =
    /^(\w+)(\[x\])?(\*)?(@)?(\+)?(!)?:(.+)$/.exec(entry) ?? [];
  const rest = {
    array: array !== undefined,
    attribute: attribute !== undefined,
    summary: summary !== undefined,
    mandatory: mandatory !== undefined,
  };
  if (choice === undefined) return [{ name, type: types, ...rest }];
  return (types === "?" ? openTypes : types).split("|").map((type) => ({
    name: `${name}${type.charAt(0).toUpperCase()}${type.slice(1)}`,
    type,
    choiceOf: name,
    ...rest,
  }));
}
