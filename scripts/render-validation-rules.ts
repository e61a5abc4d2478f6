import type { ElementDefinition, StructureDefinition } from "@medplum/fhirtypes";
import {
  type StructureDefinition as TrimmedDefinition,
  typesFromDefinitions,
} from "../src/fml/fhir-types.ts";
import type { ElementDefinition as TrimmedElement, TypeDefinition } from "../src/fml/types.ts";
import { RequiredCodes, resourcesIn, valueSetBase } from "./required-codes.ts";

interface ElementRow {
  types: readonly string[];
  array?: true;
  min?: number;
  choice?: true;
  targets?: string[];
  codes?: string;
  constraints?: string[];
}

interface TypeRow {
  kind: string;
  base?: string;
  abstract?: true;
  json?: string;
  constraints?: string[];
  elements?: Record<string, ElementRow>;
}

// two types may name different constraints alike: the second is known as `key~2`
type ConstraintRow = [severity: string, expression: string, human: string];

// ele-1 is the walk's own rule; dom-r4b speaks of types that R4 does not have
const left = new Set(["ele-1", "dom-r4b"]);
const typeBase = "http://hl7.org/fhir/StructureDefinition/";
const bestPractice = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice";

/** src/fhir/validation/r4-rules.json: what R4 demands of its types, from the StructureDefinitions and value sets. */
export function renderValidationRules(): string {
  const definitions = ["types", "resources"]
    .flatMap((name) => resourcesIn<StructureDefinition>(`profiles-${name}.json`))
    .filter((each) => each.resourceType === "StructureDefinition" && each.fhirVersion === "4.0.1")
    .filter((each) => each.derivation !== "constraint" && each.kind !== "logical");
  const table = typesFromDefinitions(definitions as unknown as TrimmedDefinition[]);
  const rules = new RuleRows(table, definitions);
  const types = Object.entries(rules.types).map(([name, row]) => line(name, row));
  const constraints = [...rules.constraints].sort().map(([key, row]) => line(key, row));
  const required = new RequiredCodes(rules.valueSets);
  const valueSets = required.valueSets.map(([name, row]) => line(name, row));
  const displays = [...required.displays]
    .sort()
    .map(([system, names]) => line(system, Object.fromEntries(names)));
  const block = (name: string, lines: readonly string[]) => `"${name}":{\n${lines.join(",\n")}\n}`;
  const blocks = [
    block("types", types),
    block("constraints", constraints),
    block("valueSets", valueSets),
    block("displays", displays),
  ];
  return `{${blocks.join(",\n")}}\n`;
}

const line = (key: string, row: unknown) => `${JSON.stringify(key)}:${JSON.stringify(row)}`;

class RuleRows {
  readonly types: Record<string, TypeRow> = {};
  readonly constraints = new Map<string, ConstraintRow>();
  readonly valueSets = new Set<string>();
  readonly #table: ReadonlyMap<string, TypeDefinition>;
  readonly #ownConstraints = new Map<string, string[]>();

  constructor(table: ReadonlyMap<string, TypeDefinition>, definitions: readonly StructureDefinition[]) {
    this.#table = table;
    const elements = new Map(
      definitions.flatMap(({ snapshot }) => (snapshot?.element ?? []).map((each) => [each.path ?? "", each])),
    );
    for (const name of table.keys()) this.#ownConstraints.set(name, this.#keysOf(elements.get(name)));
    for (const name of [...table.keys()].sort()) this.types[name] = this.#typeRow(name, elements);
  }

  #typeRow(name: string, elements: ReadonlyMap<string, ElementDefinition>): TypeRow {
    const { kind, base, abstract, json, elements: own } = this.#table.get(name) ?? { kind: "", elements: {} };
    const constraints = (this.#ownConstraints.get(name) ?? []).filter((key) => !this.#inherits(base, key));
    const inherited = base === undefined ? {} : (this.#table.get(base)?.elements ?? {});
    const rows = Object.entries(own)
      .filter(([element, each]) => JSON.stringify(inherited[element]) !== JSON.stringify(each))
      .map(([element, each]) => {
        const path = `${name}.${element}${each.choice ? "[x]" : ""}`;
        // the definition calls a resource's id a string, the specification an id
        const own = path === "Resource.id" ? { ...each, types: ["id"] } : each;
        return [element, this.#elementRow(own, elements.get(path))] as const;
      });
    return {
      kind,
      ...(base && { base }),
      ...(abstract && { abstract }),
      ...(json && { json }),
      ...(constraints.length > 0 && { constraints }),
      ...(rows.length > 0 && { elements: Object.fromEntries(rows) }),
    };
  }

  #elementRow(
    { types, array, min, choice }: TrimmedElement,
    element: ElementDefinition | undefined,
  ): ElementRow {
    const [only = ""] = types;
    const known = types.length === 1 ? this.#ownConstraints.get(only) : [];
    const constraints = this.#keysOf(element).filter((key) => !known?.includes(key));
    const targets = (element?.type ?? [])
      .filter(({ code }) => code === "Reference")
      .flatMap(({ targetProfile = [] }) => targetProfile.map((url) => url.replace(typeBase, "")))
      .filter((target) => target !== "Resource");
    const codes = this.#codesOf(element);
    return {
      types,
      ...(array && { array }),
      ...(min > 0 && { min }),
      ...(choice && { choice }),
      ...(targets.length > 0 && { targets }),
      ...(codes && { codes }),
      ...(constraints.length > 0 && { constraints }),
    };
  }

  #inherits(base: string | undefined, key: string): boolean {
    if (base === undefined) return false;
    return this.#ownConstraints.get(base)?.includes(key) || this.#inherits(this.#table.get(base)?.base, key);
  }

  #keysOf(element: ElementDefinition | undefined): string[] {
    const rules = (element?.constraint ?? []).filter(
      ({ key = "", expression }) => expression && !left.has(key),
    );
    return rules.map(({ key = "", severity = "", expression = "", human = "", extension }) => {
      const isAdvice = extension?.some(({ url, valueBoolean }) => url === bestPractice && valueBoolean);
      const row: ConstraintRow = [isAdvice ? "information" : severity, expression, human];
      let id = key;
      for (let n = 2; (this.constraints.get(id)?.[1] ?? expression) !== expression; n += 1)
        id = `${key}~${n}`;
      this.constraints.set(id, row);
      return id;
    });
  }

  #codesOf(element: ElementDefinition | undefined): string | undefined {
    const { strength, valueSet } = element?.binding ?? {};
    if (strength !== "required" || !valueSet?.startsWith(valueSetBase)) return undefined;
    const name = valueSet.slice(valueSetBase.length).replace(/\|.*/, "");
    this.valueSets.add(name);
    return name;
  }
}
