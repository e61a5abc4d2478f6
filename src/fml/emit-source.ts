import type { Name, Source } from "./ast.ts";
import { emitCondition, emitExpression, type Value } from "./emit-evaluate.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { type Walk, walkPath } from "./source-walk.ts";
import { fitOf, shortName } from "./static-type.ts";
import { isSubtype } from "./types.ts";
import {
  type Binding,
  type Bindings,
  newName,
  type Place,
  pathCode,
  quote,
  report,
  site,
  sourceBinding,
} from "./unit.ts";

/** Writes the code of one rule's sources and, innermost, of what the rule does for each combination of items. */
export function emitSources(
  place: Place,
  sources: readonly Source[],
  bindings: Bindings,
  body: (place: Place, bindings: Bindings, items: readonly Binding[]) => readonly string[],
): readonly string[] {
  const emit = (index: number, at: Place, known: Bindings, items: readonly Binding[]): readonly string[] => {
    const source = sources[index];
    return source === undefined
      ? body(at, known, items)
      : emitSource(at, source, known, (inner, extended, item) =>
          emit(index + 1, inner, extended, [...items, item]),
        );
  };
  return emit(0, place, bindings, []);
}

type Inner = (place: Place, bindings: Bindings, item: Binding) => readonly string[];

function emitSource(place: Place, source: Source, bindings: Bindings, inner: Inner): readonly string[] {
  const from = lookUp(place, bindings, source.context);
  if (from === undefined) {
    return [];
  }
  const walk = narrow(walkPath(place, from, source.elements, source.type), source.type);
  if (walk === undefined) {
    return [];
  }
  const gathers =
    source.default !== undefined || source.cardinality !== undefined || source.listMode !== undefined;
  return gathers
    ? gathered(walk, source, bindings, { outer: place, inner })
    : direct(walk, source, bindings, inner);
}

/** The variable of a name; an unknown name is a problem. */
export function lookUp(place: Place, bindings: Bindings, name: Name): Binding | undefined {
  const binding = bindings.get(name.text);
  if (binding === undefined) {
    report(place, "unknown-variable", `no variable is named ${name.text}`, name.position);
  }
  return binding?.constant === undefined ? binding : constantOf(place, binding, binding.constant, bindings);
}

// outside of expressions a constant is a variable at the top of the function
function constantOf(place: Place, binding: Binding, expression: Expression, bindings: Bindings): Binding {
  const { constants } = place.group;
  const known = constants.get(binding.name);
  if (known !== undefined) {
    return known.binding;
  }
  const js = newName(place.unit, binding.name);
  const value = emitExpression(expression, place, bindings, binding);
  const form = value.form === "node" ? "node" : "raw";
  const made = sourceBinding({ name: binding.name, js, form, type: value.type, path: "", isLiteral: true });
  constants.set(binding.name, { binding: made, line: `const ${js} = ${value.js};` });
  return made;
}

function direct(walk: Walk, source: Source, bindings: Bindings, inner: Inner): readonly string[] {
  const known = withVariable(bindings, source, walk.item);
  const where =
    source.where === undefined ? undefined : emitCondition(source.where, walk.place, known, walk.item);
  const guarded = where === undefined ? walk.place : { ...walk.place, guards: walk.place.guards + 1 };
  return [
    ...walk.open,
    ...(where === undefined ? [] : [`if (${where}) {`]),
    ...checks(guarded, source, known, walk.item),
    ...inner(guarded, known, walk.item),
    ...(where === undefined ? [] : ["}"]),
    ...walk.close,
  ];
}

function withVariable(bindings: Bindings, { variable }: Source, item: Binding): Bindings {
  return variable === undefined
    ? bindings
    : new Map([...bindings, [variable.text, { ...item, name: variable.text }]]);
}

function checks(place: Place, { check, log }: Source, bindings: Bindings, item: Binding): readonly string[] {
  const lines: string[] = [];
  if (check !== undefined) {
    const holds = emitCondition(check, place, bindings, item);
    lines.push(`if (!(${holds})) fail("check-failed", ${site(place, item.path, "")}, "check");`);
  }
  if (log !== undefined) {
    const { js, form } = emitExpression(log, place, bindings, item);
    lines.push(`log(${form === "node" ? `(${js})?.value` : js}, ${site(place, item.path, "")});`);
  }
  return lines;
}

// clauses that look at all items together first collect them; each item is kept with its companion
function gathered(
  walk: Walk,
  source: Source,
  bindings: Bindings,
  { outer, inner }: Around,
): readonly string[] {
  const { unit } = outer;
  const { item } = walk;
  const items = newName(unit, "items");
  const loop: Place = { ...outer, loops: outer.loops + 1, guards: outer.guards + 1 };
  const parts = `[${item.js}, ${item.js}_${unit.traced ? `, ${item.js}_p` : ""}]`;
  const companion = item.form === "primitive" ? `${item.js}_` : "undefined";
  const known = withVariable(bindings, source, item);
  const checked = checks(loop, source, known, item);
  return [
    `const ${items} = [];`,
    ...walk.open,
    `${items}.push([${item.js}, ${companion}${unit.traced ? `, ${pathCode(item)}` : ""}]);`,
    ...walk.close,
    ...cardinality(outer, source, item, items),
    ...defaulted(outer, { source, bindings, item }, items),
    ...filtered(loop, source, known, { item, items, parts }),
    ...(checked.length === 0 ? [] : [`for (const ${parts} of ${items}) {`, ...checked, "}"]),
    `for (const ${parts} of listed(${items}, ${quote(source.listMode ?? "")}, ${site(outer, item.path, "")})) {`,
    ...inner(loop, known, item),
    "}",
  ];
}

function filtered(
  place: Place,
  { where }: Source,
  bindings: Bindings,
  { item, items, parts }: { readonly item: Binding; readonly items: string; readonly parts: string },
): readonly string[] {
  if (where === undefined) {
    return [];
  }
  const condition = emitCondition(where, place, bindings, item);
  return [`${items}.splice(0, ${items}.length, ...${items}.filter((${parts}) => ${condition}));`];
}

interface Around {
  readonly outer: Place;
  readonly inner: Inner;
}

function cardinality(place: Place, source: Source, { path }: Binding, items: string): readonly string[] {
  if (source.cardinality === undefined) {
    return [];
  }
  const { min, max } = source.cardinality;
  const tooMany = max === "*" ? "" : ` || ${items}.length > ${max}`;
  return [
    `if (${items}.length < ${min}${tooMany}) fail("cardinality", ${site(place, path, "")}, "${min}..${max}");`,
  ];
}

interface Defaulted {
  readonly source: Source;
  readonly bindings: Bindings;
  readonly item: Binding;
}

function defaulted(place: Place, { source, bindings, item }: Defaulted, items: string): readonly string[] {
  const self = bindings.get(source.context.text);
  if (source.default === undefined || self === undefined) {
    return [];
  }
  const value = emitExpression(source.default, place, bindings, self);
  const { type = item.type } = value;
  if (type !== undefined && item.type !== undefined && fitOf(place, type, item.type) === undefined) {
    const message = `a default of type ${shortName(type)} does not fit ${shortName(item.type)}`;
    report(place, "type", message, source.default.position);
  }
  const name = newName(place.unit, "d");
  const trace = place.unit.traced ? ", undefined, noPath" : "";
  const push = `${items}.push([${name}${trace}]);`;
  return [
    `if (${items}.length === 0) { const ${name} = ${inForm(value, item.form)}; if (${name} !== undefined) ${push} }`,
  ];
}

function inForm({ js, form, type }: Value, wanted: Binding["form"]): string {
  if (wanted === "node") {
    return form === "node" ? js : `node(${quote(type ?? "")}, ${js})`;
  }
  return form === "node" ? `(${js})?.value` : js;
}

// `: Type` on a source: nothing to do, a test at run time, or a contradiction
function narrow(walk: Walk | undefined, type: Name | undefined): Walk | undefined {
  if (walk === undefined || type === undefined) {
    return walk;
  }
  const { item, place } = walk;
  const { types } = place.unit.linked;
  if (
    item.type !== undefined &&
    (item.type === type.text || item.type.endsWith(`#${type.text}`) || isSubtype(types, item.type, type.text))
  ) {
    return walk;
  }
  if (item.type !== undefined && !isSubtype(types, type.text, item.type)) {
    report(place, "type", `${item.path} is a ${shortName(item.type)}, never a ${type.text}`, type.position);
    return undefined;
  }
  const name = quote(type.text);
  const narrowed: Binding =
    item.form === "node" ? item : { ...item, type: types.has(type.text) ? type.text : undefined };
  const test = item.form === "node" ? `isNodeOf(${item.js}, ${name})` : `isOf(${item.js}, ${name})`;
  return {
    open: [...walk.open, `if (${test}) {`],
    close: ["}", ...walk.close],
    item: narrowed,
    place: { ...place, guards: place.guards + 1 },
  };
}
