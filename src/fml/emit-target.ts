import type { ElementPath, Name, Target } from "./ast.ts";
import { emitAssign } from "./emit-assign.ts";
import type { Value } from "./emit-evaluate.ts";
import {
  createdType,
  listModeOf,
  makeElement,
  newTarget,
  type Reached,
  resourceType,
  type TargetContext,
} from "./emit-make.ts";
import { lookUp } from "./emit-source.ts";
import { emitValue } from "./emit-value.ts";
import type { Position } from "./errors.ts";
import { elementAt, type StaticElement } from "./static-type.ts";
import type { Attachment } from "./target-writer.ts";
import { type Binding, type Bindings, newName, report, sourceBinding } from "./unit.ts";

/** Writes one target of a rule; returns the bindings with the target's variable. */
export function emitTarget(context: TargetContext, target: Target, bindings: Bindings): Bindings {
  const { place } = context;
  if (target.path === undefined) {
    return emitFree(context, target, bindings);
  }
  const from = lookUp(place, bindings, target.path.context);
  if (from === undefined) {
    return bindings;
  }
  if (from.mode !== "target") {
    const { text, position } = target.path.context;
    report(place, "type", `${text} is a source; a rule writes only to targets`, position);
    return bindings;
  }
  if (target.path.elements.length === 0) {
    return emitWhole(context, target, bindings, from);
  }
  const reached = reach(context, from, target.path);
  return reached === undefined ? bindings : emitElement(context, target, bindings, reached);
}

const withName = (bindings: Bindings, name: Name | undefined, binding: Binding | undefined): Bindings =>
  name === undefined || binding === undefined
    ? bindings
    : new Map([...bindings, [name.text, { ...binding, name: name.text }]]);

// `create('X') as v`, `(expression) as v`: a variable that belongs to no element yet
function emitFree(context: TargetContext, target: Target, bindings: Bindings): Bindings {
  const { place, writer } = context;
  const { transform, variable, position } = target;
  if (transform === undefined || variable === undefined) {
    report(place, "type", "a value without an element needs a name: … as name", position);
    return bindings;
  }
  if (transform.kind === "call" && transform.name === "create") {
    const type = createdType(context, transform.args, [], position);
    const binding = type === undefined ? undefined : newTarget(place, variable.text, type, variable.text);
    if (binding !== undefined) {
      writer.make(binding, resourceType(place, type));
    }
    return withName(bindings, variable, binding);
  }
  const value = emitValue(context, transform, bindings, { types: [], path: variable.text });
  if (value === undefined) {
    return bindings;
  }
  const js = newName(place.unit, variable.text);
  writer.flush();
  writer.lines.push(`const ${js} = ${value.js};`);
  const form = value.form === "node" ? "node" : "raw";
  return withName(
    bindings,
    variable,
    sourceBinding({ name: variable.text, js, form, type: value.type, path: variable.text, isLiteral: true }),
  );
}

// `tgt as v` and, for a primitive under construction, `tgt = value`
function emitWhole(context: TargetContext, target: Target, bindings: Bindings, from: Binding): Bindings {
  const { place } = context;
  if (target.transform === undefined) {
    return withName(bindings, target.variable, from);
  }
  if (from.form !== "cell") {
    report(
      place,
      "unsupported",
      `${from.path} is filled element by element, not as a whole`,
      target.position,
    );
    return bindings;
  }
  const value = emitValue(context, target.transform, bindings, { types: [from.type ?? ""], path: from.path });
  if (value !== undefined) {
    fillCell(context, from, value, target.position);
  }
  return bindings;
}

function fillCell(context: TargetContext, cell: Binding, value: Value, position: Position): void {
  const to: Attachment = { parent: cell, property: "value", array: false };
  emitAssign(context, to, cellValue(cell), { value, position });
}

// a value that is absent makes no element, whatever later targets would add to it
function joinFilled({ writer, made }: TargetContext, { js }: Binding): void {
  const own = made.find(({ binding }) => binding.js === js);
  writer.flush();
  writer.lines.push(`const ${js}_filled = ${js}.value !== undefined || ${js}.element !== undefined;`);
  if (own !== undefined) {
    own.when = `${js}_filled`;
  }
}

// `tgt.a.b`: a is made if it is not there; which one would be meant if it repeats?
function reach(context: TargetContext, from: Binding, path: ElementPath): Reached | undefined {
  let parent: Binding | undefined = from;
  for (const name of path.elements.slice(0, -1)) {
    parent = parent === undefined ? undefined : pass(context, parent, name);
  }
  const name = path.elements.at(-1);
  if (name === undefined || parent === undefined) {
    return undefined;
  }
  const element = elementIn(context, parent, name);
  return element === undefined ? undefined : { parent: elementOwner(parent, name), name, element };
}

function pass(context: TargetContext, parent: Binding, name: Name): Binding | undefined {
  const element = elementIn(context, parent, name);
  const [type, ...more] = element?.types ?? [];
  if (element === undefined) {
    return undefined;
  }
  if (element.array || more.length > 0) {
    const why = element.array ? "repeats" : "has several types";
    const message = `${name.text} ${why}: give it a rule of its own with 'as'`;
    report(context.place, "cardinality", message, name.position);
    return undefined;
  }
  context.writer.flush();
  return makeElement(context, { parent, name, element }, type, {});
}

// id and extension of a primitive under construction stand in its companion
function elementOwner(parent: Binding, name: Name): Binding {
  return parent.form === "cell" && name.text !== "value"
    ? { ...parent, js: `(${parent.js}.element ??= {})`, form: "raw", type: "Element" }
    : parent;
}

function elementIn({ place }: TargetContext, parent: Binding, name: Name): StaticElement | undefined {
  if (parent.form !== "cell") {
    return elementAt(place, parent.type, name);
  }
  return name.text === "value" ? cellValue(parent) : elementAt(place, "Element", name);
}

/** The value of a primitive under construction, as an element. */
export const cellValue = ({ type }: Binding): StaticElement => ({
  property: "value",
  known: true,
  types: [type ?? ""],
  array: false,
  choice: false,
  companion: false,
});

function emitElement(context: TargetContext, target: Target, bindings: Bindings, reached: Reached): Bindings {
  const { transform, variable, listMode } = target;
  if (transform === undefined || (transform.kind === "call" && transform.name === "create")) {
    return emitCreation(context, target, bindings, reached);
  }
  const { parent, name, element } = reached;
  const wanted = { types: element.types, path: `${parent.path}.${name.text}` };
  const value = emitValue(context, transform, bindings, wanted);
  if (value === undefined) {
    return bindings;
  }
  if (variable !== undefined) {
    return assignNamed(context, { target, variable, reached, value }, bindings);
  }
  const { property, array } = element;
  emitAssign(context, { parent, property, array, ...listModeOf(listMode) }, element, {
    value,
    position: transform.position,
  });
  return bindings;
}

function emitCreation(
  context: TargetContext,
  { transform, variable, listMode, shareId, position }: Target,
  bindings: Bindings,
  reached: Reached,
): Bindings {
  const { known, types } = reached.element;
  const args = transform?.kind === "call" ? transform.args : [];
  const type = createdType(context, args, known ? types : [], position);
  if (type === undefined && known) {
    return bindings;
  }
  const options = { variable: variable?.text, listMode, shareId };
  return withName(bindings, variable, makeElement(context, reached, type, options));
}

// `tgt.x = value as v`: later targets read the value; a primitive can still get extensions
function assignNamed(
  context: TargetContext,
  { target, variable, reached, value }: { target: Target; variable: Name; reached: Reached; value: Value },
  bindings: Bindings,
): Bindings {
  const { place, writer } = context;
  const { parent, element } = reached;
  const [type] = element.types;
  if (element.companion && type !== undefined) {
    const cell = makeElement(context, reached, type, { variable: variable.text, listMode: target.listMode });
    if (cell !== undefined) {
      fillCell(context, cell, value, target.position);
    }
    if (cell !== undefined && !value.certain) {
      joinFilled(context, cell);
    }
    return withName(bindings, variable, cell);
  }
  const js = newName(place.unit, variable.text);
  writer.flush();
  writer.lines.push(`const ${js} = ${value.js};`);
  const to: Attachment = {
    parent,
    property: element.property,
    array: element.array,
    ...listModeOf(target.listMode),
  };
  emitAssign(context, to, element, { value: { ...value, js }, position: target.position });
  const form = value.form === "node" ? "node" : "raw";
  return withName(
    bindings,
    variable,
    sourceBinding({ name: variable.text, js, form, type: value.type, path: variable.text, isLiteral: true }),
  );
}
