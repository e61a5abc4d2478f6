import type { ElementDefinition, JsonKind, TypeDefinition } from "./types.ts";

interface SnapshotElement {
  readonly path: string;
  readonly min?: number;
  readonly max?: string;
  readonly contentReference?: string;
  readonly type?: readonly {
    readonly code: string;
    readonly extension?: readonly { readonly url: string; readonly valueUrl?: string }[];
  }[];
}

/** What this module reads of a StructureDefinition. */
export interface StructureDefinition {
  readonly resourceType: "StructureDefinition";
  readonly type: string;
  readonly name: string;
  readonly kind: string;
  readonly derivation?: string;
  readonly abstract?: boolean;
  readonly baseDefinition?: string;
  readonly snapshot?: { readonly element: readonly SnapshotElement[] };
}

type Mutable = Map<string, TypeDefinition & { elements: Record<string, ElementDefinition> }>;

const fhirTypeUrl = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
const jsonKinds: Readonly<Record<string, JsonKind>> = {
  boolean: "boolean",
  integer: "number",
  positiveInt: "number",
  unsignedInt: "number",
  decimal: "number",
};

/**
 * Trims StructureDefinitions with snapshots to what compiling needs: names, types, cardinalities, choices.
 * Profiles (derivation `constraint`) are left out. Works at build time; the result is a few hundred kilobytes.
 */
export function typesFromDefinitions(
  definitions: Iterable<StructureDefinition>,
): ReadonlyMap<string, TypeDefinition> {
  const table: Mutable = new Map();
  for (const definition of definitions) {
    if (definition.derivation !== "constraint" && definition.kind !== "logical") {
      addType(table, definition);
    }
  }
  return table;
}

function addType(table: Mutable, definition: StructureDefinition): void {
  const { type, kind, abstract, baseDefinition } = definition;
  const primitive = kind === "primitive-type";
  const base = baseDefinition?.split("/").at(-1);
  table.set(type, {
    name: type,
    kind: primitive ? "primitive" : kind === "resource" ? "resource" : "complex",
    ...(base === undefined ? {} : { base }),
    ...(abstract === true ? { abstract } : {}),
    ...(primitive ? { json: jsonKinds[type] ?? ("string" as const) } : {}),
    elements: {},
  });
  const elements = definition.snapshot?.element ?? [];
  const parents = new Set(elements.map(({ path }) => path.slice(0, path.lastIndexOf("."))));
  for (const element of elements.slice(1)) {
    addElement(table, element, parents.has(element.path));
  }
}

function addElement(table: Mutable, element: SnapshotElement, hasChildren: boolean): void {
  const { path, min = 0, max } = element;
  const dot = path.lastIndexOf(".");
  const owner = table.get(path.slice(0, dot));
  const name = path.slice(dot + 1);
  const choice = name.endsWith("[x]");
  // a primitive's value is its System value, not an element of its JSON
  if (owner === undefined || (owner.kind === "primitive" && name === "value")) {
    return;
  }
  if (hasChildren) {
    table.set(path, { name: path, kind: "complex", base: typeNames(element)[0] ?? "Element", elements: {} });
  }
  owner.elements[choice ? name.slice(0, -3) : name] = {
    types: hasChildren ? [path] : typeNames(element),
    array: max !== "1" && max !== "0",
    min,
    ...(choice ? { choice } : {}),
  };
}

function typeNames(element: SnapshotElement): readonly string[] {
  if (element.contentReference !== undefined) {
    return [element.contentReference.slice(element.contentReference.indexOf("#") + 1)];
  }
  const names = (element.type ?? []).map(({ code, extension }) => {
    const fhirType = extension?.find(({ url }) => url === fhirTypeUrl)?.valueUrl;
    return fhirType ?? (code.startsWith("http://hl7.org/fhirpath/") ? "string" : code);
  });
  return [...new Set(names)];
}
