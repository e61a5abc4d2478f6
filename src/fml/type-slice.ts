import { type Expression, partsOf } from "./fhirpath-ast.ts";
import { choiceProperty, type ElementDefinition } from "./types.ts";
import type { Binding, TypeSlice, Unit } from "./unit.ts";

interface Names {
  readonly members: Set<string>;
  readonly types: Set<string>;
  all: boolean;
}

const walking = new Set(["children", "descendants"]);
const readBy: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    extension: ["extension"],
    resolve: ["reference"],
  }),
);

function collectNames(expression: Expression, names: Names): void {
  // a name may also be that of a type: `Patient.name`, `ofType(Quantity)`
  switch (expression.kind) {
    case "member":
      names.members.add(expression.name);
      names.types.add(expression.name);
      break;
    case "call":
      names.all ||= walking.has(expression.name);
      for (const member of readBy.get(expression.name) ?? []) {
        names.members.add(member);
      }
      break;
    case "type":
      names.types.add(expression.type.replace(/^FHIR\./, ""));
  }
  for (const part of partsOf(expression)) {
    collectNames(part, names);
  }
}

/** Adds to a unit's slice what an expression can meet on its way from the given variables. */
export function sliceTypes(unit: Unit, expression: Expression, from: readonly Binding[]): void {
  const names: Names = { members: new Set(), types: new Set(), all: false };
  collectNames(expression, names);
  const start = from.flatMap(({ type, choices = [], constant }) => {
    if (constant !== undefined) {
      collectNames(constant, names);
    }
    return type ?? choices;
  });
  const named = [...names.types].filter((type) => unit.linked.types.has(type));
  const open = new Set([...start, ...named]);
  for (const type of open) {
    addType(unit, type, names, open);
  }
}

function addType(unit: Unit, name: string, { members, all }: Names, open: Set<string>): void {
  const definition = unit.linked.types.get(name);
  if (definition === undefined) {
    return;
  }
  const entry = unit.typeSlice.get(name) ?? { definition, elements: new Set<string>() };
  unit.typeSlice.set(name, entry);
  if (definition.base !== undefined) {
    open.add(definition.base);
  }
  for (const [element, { types, choice }] of Object.entries(definition.elements)) {
    const isNamed =
      members.has(element) || (choice && types.some((t) => members.has(choiceProperty(element, t))));
    if (isNamed || all) {
      entry.elements.add(element);
      for (const type of types) {
        open.add(type);
      }
    }
  }
}

/** The slice as a JavaScript literal: a list of type definitions. */
export function writeSlice(slice: TypeSlice): string {
  const definitions = [...slice.values()].map(({ definition, elements }) => {
    const kept: Record<string, ElementDefinition> = {};
    for (const element of elements) {
      const found = definition.elements[element];
      if (found !== undefined) {
        kept[element] = found;
      }
    }
    return { ...definition, elements: kept };
  });
  return JSON.stringify(definitions);
}
