import type { ConceptMapGroup, ConceptMapTable } from "./concept-map.ts";
import type { Value } from "./emit-evaluate.ts";
import type { TransformCall } from "./transform-call.ts";
import { constant, quote, report } from "./unit.ts";

type Field = "code" | "system" | "display" | "Coding" | "CodeableConcept";

interface Translation {
  readonly value: Value;
  readonly table: ConceptMapTable;
  readonly field: string;
  readonly site: number;
}

const fields: ReadonlyMap<string, Field> = new Map(
  Object.entries({
    code: "code",
    string: "code",
    id: "code",
    uri: "code",
    system: "system",
    display: "display",
    coding: "Coding",
    Coding: "Coding",
    CodeableConcept: "CodeableConcept",
  }),
);

const fieldTypes: Readonly<Record<Field, string>> = {
  code: "code",
  system: "uri",
  display: "string",
  Coding: "Coding",
  CodeableConcept: "CodeableConcept",
};

/** Compiles `translate`: the ConceptMap becomes a Map whose values are what the rule asks for. */
export function emitTranslate(
  call: TransformCall,
  { value, table, field, site }: Translation,
): Value | undefined {
  const wanted = fields.get(field === "" ? (call.expected[0] ?? "code") : field);
  if (wanted === undefined) {
    const known = Object.keys(fields).join(", ");
    report(call.place, "unsupported", `translate gives ${known}, not ${field}`, call.position);
    return undefined;
  }
  const { unit } = call.place;
  const map = constant(unit, "CM", `new Map(${rowsText(table, wanted)})`);
  const fallback = fallbackOf(table, wanted);
  const isCode = value.form === "raw" && value.type !== "Coding" && value.type !== "CodeableConcept";
  const js = value.form === "node" ? `(${value.js})?.value` : value.js;
  const copies = wanted === "Coding" || wanted === "CodeableConcept";
  if (isCode && value.certain && !copies && fallback === "undefined") {
    return {
      js: `(${map}.get(${js}) ?? unmapped(${site}))`,
      form: "raw",
      type: fieldTypes[wanted],
      certain: true,
    };
  }
  const found = `translate(${map}, ${js}, ${fallback}, ${site})`;
  return {
    js: copies ? `copy(${found})` : found,
    form: "raw",
    type: fieldTypes[wanted],
    certain: value.certain,
  };
}

const written = new WeakMap<ConceptMapTable, Map<Field, string>>();

// a table of some hundred rows is written once, however many rules and variants of the code read it
function rowsText(table: ConceptMapTable, field: Field): string {
  const known = written.get(table) ?? new Map<Field, string>();
  written.set(table, known);
  const text = known.get(field) ?? JSON.stringify([...rowsOf(table, field)]);
  known.set(field, text);
  return text;
}

// a row is found by its bare code, of which the first stands, and, for Codings, by system and code
function rowsOf(table: ConceptMapTable, field: Field): ReadonlyMap<string, unknown> {
  const rows = new Map<string, unknown>();
  for (const group of table.groups) {
    for (const { code, target, display } of group.entries) {
      const result = outputOf(group, target, display, field);
      const keys = group.source === undefined ? [code] : [code, `${group.source}|${code}`];
      for (const key of keys.filter((candidate) => !rows.has(candidate))) {
        rows.set(key, result);
      }
    }
  }
  return rows;
}

function outputOf(
  { target }: ConceptMapGroup,
  code: string,
  display: string | undefined,
  field: Field,
): unknown {
  const coding = {
    ...(target === undefined ? {} : { system: target }),
    code,
    ...(display === undefined ? {} : { display }),
  };
  switch (field) {
    case "code":
      return code;
    case "system":
      return target ?? "";
    case "display":
      return display ?? code;
    case "Coding":
      return coding;
    case "CodeableConcept":
      return { coding: [coding] };
  }
}

// what the table says about codes without a row; `undefined` makes the run-time function refuse them
function fallbackOf({ groups }: ConceptMapTable, field: Field): string {
  const group = groups.find(({ unmapped }) => unmapped !== undefined);
  const unmapped = group?.unmapped;
  if (group === undefined || unmapped === undefined) {
    return "undefined";
  }
  if (unmapped.mode === "fixed") {
    return `() => (${JSON.stringify(outputOf(group, unmapped.code, unmapped.display, field))})`;
  }
  if (field === "code" || field === "display") {
    return "(code) => code";
  }
  const system = group.target === undefined ? "" : `system: ${quote(group.target)}, `;
  const coding = `{ ${system}code }`;
  return field === "system"
    ? `() => ${quote(group.target ?? "")}`
    : `(code) => (${field === "Coding" ? coding : `{ coding: [${coding}] }`})`;
}
