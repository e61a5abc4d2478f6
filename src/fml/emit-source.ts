import type { Name, Source } from "./ast.ts";
import { emitCondition, emitExpression } from "./emit-evaluate.ts";
import { elementAt, fit, type StaticElement, shortName } from "./static-type.ts";
import { choiceProperty, isSubtype } from "./types.ts";
import {
  type Binding,
  type Bindings,
  constant,
  newName,
  type Place,
  property,
  quote,
  report,
  site,
  sourceBinding,
} from "./unit.ts";

/** Code that opens and closes around each item of a source: loops, conditions, the item's variable. */
interface Walk {
  readonly open: readonly string[];
  readonly close: readonly string[];
  readonly item: Binding;
  readonly place: Place;
}

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
      : emitSource(at, source, known, (inner, extended, item) => emit(index + 1, inner, extended, [...items, item]));
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
  const gathers = source.default !== undefined || source.cardinality !== undefined || source.listMode !== undefined;
  return gathers ? gathered(walk, source, bindings, place, inner) : direct(walk, source, bindings, inner);
}

/** The variable of a name; an unknown name is a problem. */
export function lookUp(place: Place, bindings: Bindings, name: Name): Binding | undefined {
  const binding = bindings.get(name.text);
  if (binding === undefined) {
    report(place, "unknown-variable", `no variable is named ${name.text}`, name.position);
  }
  return binding;
}

function direct(walk: Walk, source: Source, bindings: Bindings, inner: Inner): readonly string[] {
  const known = withVariable(bindings, source, walk.item);
  const where = source.where === undefined ? undefined : emitCondition(source.where, walk.place, known, walk.item);
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

const isPair = ({ form }: Binding) => form === "primitive";

function gathered(
  walk: Walk,
  source: Source,
  bindings: Bindings,
  outer: Place,
  inner: Inner,
): readonly string[] {
  const { unit } = outer;
  const [items, count] = [newName(unit, "items"), newName(unit, "count")];
  const { item } = walk;
  const loop: Place = { ...outer, loops: outer.loops + 1, guards: outer.guards + 1 };
  const { min, max } = source.cardinality ?? { min: 0, max: "*" };
  const where = site(outer, item.path, "");
  const trace = unit.traced ? `, ${item.js}_p` : "";
  const push = `${items}.push([${item.js}, ${isPair(item) ? `${item.js}_` : "undefined"}${trace}]);`;
  const known = withVariable(bindings, source, item);
  const keep =
    source.where === undefined ? push : `if (${emitCondition(source.where, walk.place, known, item)}) ${push}`;
  return [
    `const ${items} = [];`,
    `let ${count} = 0;`,
    ...walk.open,
    `${count}++;`,
    keep,
    ...walk.close,
    ...(source.cardinality === undefined
      ? []
      : [`if (${count} < ${min}${max === "*" ? "" : ` || ${count} > ${max}`}) fail("cardinality", ${where}, "${min}..${max}");`]),
    ...defaulted(source, bindings, outer, item, items, count),
    `for (const [${item.js}, ${item.js}_${unit.traced ? `, ${item.js}_p` : ""}] of listed(${items}, ${quote(source.listMode ?? "")}, ${where})) {`,
    ...checks(loop, source, known, item),
    ...inner(loop, known, item),
    "}",
  ];
}

function defaulted(
  source: Source,
  bindings: Bindings,
  place: Place,
  item: Binding,
  items: string,
  count: string,
): readonly string[] {
  const self = bindings.get(source.context.text);
  if (source.default === undefined || self === undefined) {
    return [];
  }
  const value = emitExpression(source.default, place, bindings, self);
  const isFit = value.type === undefined || item.type === undefined || fit(place, value.type, item.type) !== undefined;
  if (!isFit) {
    const message = `a default of type ${value.type} does not fit ${shortName(item.type ?? "")}`;
    report(place, "type", message, source.default.position);
  }
  const raw = value.form === "node" ? (item.form === "node" ? value.js : `(${value.js})?.value`) : value.js;
  const js = item.form === "node" && value.form !== "node" ? `node(${quote(value.type ?? "")}, ${raw})` : raw;
  const name = newName(place.unit, "d");
  const trace = place.unit.traced ? ", undefined, noPath" : "";
  return [`if (${count} === 0) { const ${name} = ${js}; if (${name} !== undefined) ${items}.push([${name}${trace}]); }`];
}

/** Walks from a variable along elements; each repeat on the way is a loop, each optional one a condition. */
export function walkPath(place: Place, from: Binding, elements: readonly Name[], type?: Name): Walk | undefined {
  let walk: Walk = { open: [], close: [], item: from, place };
  for (const [i, name] of elements.entries()) {
    const next = hop(walk.place, walk.item, name, i === elements.length - 1 ? type : undefined);
    if (next === undefined) {
      return undefined;
    }
    walk = { ...next, open: [...walk.open, ...next.open], close: [...next.close, ...walk.close] };
  }
  return walk;
}

function hop(place: Place, owner: Binding, name: Name, type: Name | undefined): Walk | undefined {
  const js = newName(place.unit, name.text);
  const path = `${owner.path}.${name.text}`;
  const primitive = owner.form === "primitive" || (owner.type !== undefined && isPrimitive(place, owner.type));
  if (owner.form === "node" || owner.form === "cell" || primitive) {
    return hopDynamically(place, owner, name, js);
  }
  const element = elementAt(place, owner.type, name);
  if (element === undefined) {
    return undefined;
  }
  const base = { name: name.text, js, path, mode: "source" as const };
  if (!element.known) {
    const item = { ...base, form: "raw" as const, type: undefined };
    const list = newName(place.unit, "list");
    return looped(place, owner, item, [`const ${list} = items(${owner.js}, ${quote(name.text)});`], list);
  }
  const chosen = type === undefined || !element.choice ? element : chosenVariant(place, element, name, type);
  return chosen === undefined ? undefined : hopTo(place, owner, chosen, base);
}

function isPrimitive(place: Place, type: string): boolean {
  return place.unit.linked.types.get(type)?.kind === "primitive" || type.startsWith("System.");
}

// the evaluator knows how to go on from a value whose type or parts only the document tells
function hopDynamically(place: Place, owner: Binding, name: Name, js: string): Walk {
  const node = owner.form === "node" ? owner.js : nodeOfRaw(owner);
  const item = sourceBinding({ name: name.text, js, form: "node", type: undefined, path: `${owner.path}.${name.text}` });
  const list = newName(place.unit, "list");
  return looped(place, owner, item, [`const ${list} = children(${node}, ${quote(name.text)});`], list);
}

function nodeOfRaw({ js, type, form }: Binding): string {
  const name = type === undefined ? "undefined" : quote(type);
  return form === "primitive"
    ? `node(${name}, ${js} ?? undefined, ${js}_ ?? undefined)`
    : `node(${name}, ${form === "cell" ? `${js}.value` : js})`;
}

function chosenVariant(
  place: Place,
  element: StaticElement,
  name: Name,
  type: Name,
): StaticElement | undefined {
  if (!element.types.includes(type.text)) {
    const known = element.types.join(", ");
    report(place, "type", `${name.text} is never a ${type.text}; it may be ${known}`, type.position);
    return undefined;
  }
  return {
    ...element,
    property: choiceProperty(name.text, type.text),
    types: [type.text],
    choice: false,
    companion: isPrimitive(place, type.text),
  };
}

type Named = Pick<Binding, "name" | "js" | "path" | "mode">;

function hopTo(place: Place, owner: Binding, element: StaticElement, base: Named): Walk {
  const { js } = base;
  const at = property(owner.js, element.property);
  const guarded: Place = { ...place, guards: place.guards + 1 };
  const [type] = element.types;
  if (element.choice) {
    const variants = element.types.map((t) => [choiceProperty(element.property, t), t]);
    const table = constant(place.unit, "V", JSON.stringify(variants));
    const item: Binding = { ...base, form: "node", type: undefined };
    const open = [`const ${js} = choice(${owner.js}, ${table});`, `if (${js} !== undefined) {`];
    return { open: [...open, ...pathLine(place, owner, item)], close: ["}"], item, place: guarded };
  }
  const item: Binding = { ...base, form: element.companion ? "primitive" : "raw", type };
  if (element.array) {
    return element.companion
      ? pairLoop(place, owner, item, element.property)
      : looped(place, owner, item, listOf(place, at, item), `${js}_list`);
  }
  const beside = element.companion ? `, ${js}_ = ${property(owner.js, `_${element.property}`)}` : "";
  const there = element.companion ? `${js} != null || ${js}_ != null` : `${js} != null`;
  return {
    open: [
      `const ${js} = ${at}${beside};`,
      `if (${there}) {`,
      ...kindCheck(place, item),
      ...pathLine(place, owner, item),
    ],
    close: ["}"],
    item,
    place: guarded,
  };
}

function listOf(place: Place, at: string, { js, path }: Named): readonly string[] {
  return [`const ${js}_list = array(${at}, ${site(place, path, "")});`];
}

function looped(
  place: Place,
  owner: Binding,
  item: Binding,
  before: readonly string[],
  list: string,
): Walk {
  const index = `${item.js}_i`;
  return {
    open: [
      ...before,
      `for (let ${index} = 0; ${index} < ${list}.length; ${index}++) {`,
      `const ${item.js} = ${list}[${index}];`,
      ...(item.form === "node" ? [] : [`if (${item.js} == null) continue;`]),
      ...kindCheck(place, item),
      ...pathLine(place, owner, item, index),
    ],
    close: ["}"],
    item,
    place: { ...place, loops: place.loops + 1, guards: place.guards + 1 },
  };
}

// FHIR JSON keeps ids and extensions of repeating primitives in a second array with the same indices
function pairLoop(place: Place, owner: Binding, item: Binding, name: string): Walk {
  const { js } = item;
  const where = site(place, item.path, "");
  return {
    open: [
      `const ${js}_list = array(${property(owner.js, name)}, ${where}), ${js}_more = array(${property(owner.js, `_${name}`)}, ${where});`,
      `for (let ${js}_i = 0; ${js}_i < Math.max(${js}_list.length, ${js}_more.length); ${js}_i++) {`,
      `const ${js} = ${js}_list[${js}_i], ${js}_ = ${js}_more[${js}_i];`,
      `if (${js} == null && ${js}_ == null) continue;`,
      ...kindCheck(place, item),
      ...pathLine(place, owner, item, `${js}_i`),
    ],
    close: ["}"],
    item,
    place: { ...place, loops: place.loops + 1, guards: place.guards + 1 },
  };
}

function pathLine(place: Place, owner: Binding, item: Binding, index?: string): readonly string[] {
  const rest = index === undefined ? "" : `, ${index}`;
  return place.unit.traced ? [`const ${item.js}_p = step(${owner.js}_p, ${quote(item.name)}${rest});`] : [];
}

// a document that does not keep to its model is refused where it is read
function kindCheck(place: Place, { js, type, form, path }: Binding): readonly string[] {
  if (type === undefined || form === "node") {
    return [];
  }
  const definition = place.unit.linked.types.get(type);
  const kind = definition?.kind === "primitive" ? definition.json : definition === undefined ? undefined : "object";
  if (kind === undefined) {
    return [];
  }
  const absent = form === "primitive" ? `${js} != null && ` : "";
  return [`if (${absent}typeof ${js} !== "${kind}") fail("wrong-type", ${site(place, path, "")}, kindOf(${js}));`];
}

// `: Type` on a source: nothing to do, a test at run time, or a contradiction
function narrow(walk: Walk | undefined, type: Name | undefined): Walk | undefined {
  if (walk === undefined || type === undefined) {
    return walk;
  }
  const { item, place } = walk;
  const { types } = place.unit.linked;
  if (item.type !== undefined && (item.type === type.text || item.type.endsWith(`#${type.text}`) || isSubtype(types, item.type, type.text))) {
    return walk;
  }
  if (item.type !== undefined && !isSubtype(types, type.text, item.type)) {
    report(place, "type", `${item.path} is a ${shortName(item.type)}, never a ${type.text}`, type.position);
    return undefined;
  }
  const name = quote(type.text);
  const narrowed: Binding = item.form === "node" ? item : { ...item, type: types.has(type.text) ? type.text : undefined };
  const test = item.form === "node" ? `isNodeOf(${item.js}, ${name})` : `isOf(${item.js}, ${name})`;
  return {
    open: [...walk.open, `if (${test}) {`],
    close: ["}", ...walk.close],
    item: narrowed,
    place: { ...place, guards: place.guards + 1 },
  };
}
