import { readFileSync } from "node:fs";
import type { ElementDefinition, TypeDefinition, TypeTable } from "../../fml/types.ts";

export interface ElementRule extends ElementDefinition {
  /** types that a Reference may name; any when absent */
  readonly targets?: readonly string[];
  /** name of the value set whose codes it must be of */
  readonly codes?: string;
  /** constraints on its value beside those of its type */
  readonly constraints?: readonly string[];
}

export interface TypeRule extends TypeDefinition {
  readonly constraints: readonly string[];
  readonly elements: Readonly<Record<string, ElementRule>>;
}

export interface ConstraintRow {
  readonly key: string;
  readonly severity: "error" | "warning" | "information";
  readonly expression: string;
  readonly human: string;
}

/** Codes of a required value set: of all its systems, and as `system|code`. */
export interface AllowedCodes {
  readonly name: string;
  readonly codes: ReadonlySet<string>;
  readonly tokens: ReadonlySet<string>;
}

/** What R4 demands of its types. `types` is also the type table that FHIRPath wants. */
export interface Rules {
  readonly types: ReadonlyMap<string, TypeRule> & TypeTable;
  constraint(id: string): ConstraintRow;
  /** undefined for a value set that no list could hold: media types, currencies, units */
  codes(valueSet: string): AllowedCodes | undefined;
  /** codes by system of each required value set, by the last part of its url */
  readonly valueSets: Json<Json<readonly string[]>>;
  /** code -> English name, by system */
  readonly displays: Json<Json<string>>;
}

type Json<T> = Readonly<Record<string, T>>;
interface TypeRow extends Omit<TypeDefinition, "name" | "elements"> {
  readonly constraints?: readonly string[];
  readonly elements?: Json<Partial<ElementRule> & { readonly types: readonly string[] }>;
}
interface RulesFile {
  readonly types: Json<TypeRow>;
  readonly constraints: Json<readonly [ConstraintRow["severity"], string, string]>;
  readonly valueSets: Rules["valueSets"];
  readonly displays: Rules["displays"];
}

/** Reads the rules that `npm run generate` makes of the R4 definitions; takes milliseconds. */
export function readRules(): Rules {
  const text = readFileSync(new URL("./r4-rules.json", import.meta.url), "utf8");
  const file = JSON.parse(text) as RulesFile;
  const types = new Map<string, TypeRule>();
  for (const name of Object.keys(file.types)) addType(types, file.types, name);
  const sets = new Map<string, AllowedCodes>();
  return {
    types,
    constraint(id) {
      const [severity, expression, human] = file.constraints[id] ?? ["information", "true", ""];
      return { key: id.replace(/~.*/, ""), severity, expression, human };
    },
    codes(name) {
      const systems = file.valueSets[name];
      const known = sets.get(name) ?? (systems && allowedCodes(name, systems));
      if (known) sets.set(name, known);
      return known;
    },
    valueSets: file.valueSets,
    displays: file.displays,
  };
}

// a type's row holds what its base has not
function addType(types: Map<string, TypeRule>, rows: RulesFile["types"], name: string): TypeRule {
  const known = types.get(name);
  if (known) return known;
  const { constraints = [], elements = {}, ...row } = rows[name] as TypeRow;
  const base = row.base === undefined ? undefined : addType(types, rows, row.base);
  const own = Object.entries(elements).map(([element, rule]) => [element, { array: false, min: 0, ...rule }]);
  const type: TypeRule = {
    ...row,
    name,
    constraints: [...(base?.constraints ?? []), ...constraints],
    elements: { ...base?.elements, ...(Object.fromEntries(own) as Json<ElementRule>) },
  };
  types.set(name, type);
  return type;
}

/** A value set of the given codes by system. */
export function allowedCodes(name: string, systems: Json<readonly string[]>): AllowedCodes {
  const pairs = Object.entries(systems);
  return {
    name,
    codes: new Set(pairs.flatMap(([, codes]) => codes)),
    tokens: new Set(pairs.flatMap(([system, codes]) => codes.map((code) => `${system}|${code}`))),
  };
}
