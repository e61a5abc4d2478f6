import type { ElementPath, Name, Target, TargetListMode } from "./ast.ts";
import type { Position } from "./errors.ts";
import { emitAssign } from "./emit-assign.ts";
import { emitExpression, type Value } from "./emit-evaluate.ts";
import { lookUp } from "./emit-source.ts";
import { emitTransform, literalText, type TransformCall } from "./emit-transform.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { elementAt, type StaticElement, shortName } from "./static-type.ts";
import { type Attachment, attachLines, type TargetWriter } from "./target-writer.ts";
import { choiceProperty, isSubtype } from "./types.ts";
import { type Binding, type Bindings, type Build, newName, type Place, property, quote, report, sourceBinding } from "./unit.ts";

/** A target object that a rule made: the rule's end joins cells to their parents and drops what stayed empty. */
export interface Made {
  readonly binding: Binding;
  readonly to: Attachment;
}

/** What the targets of a rule share while they are written. */
export interface TargetContext {
  readonly place: Place;
  readonly writer: TargetWriter;
  readonly made: Made[];
  /** `$this` of expressions: the rule's first source item */
  readonly self: Binding;
}

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
  name === undefined || binding === undefined ? bindings : new Map([...bindings, [name.text, { ...binding, name: name.text }]]);

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
  const value = emitValue(context, target, bindings, [], variable.text);
  if (value === undefined) {
    return bindings;
  }
  const js = newName(place.unit, variable.text);
  writer.flush();
  writer.lines.push(`const ${js} = ${value.js};`);
  const form = value.form === "node" ? "node" : "raw";
  return withName(bindings, variable, sourceBinding({ name: variable.text, js, form, type: value.type, path: variable.text }));
}

// `tgt as v` and, for a primitive under construction, `tgt = value`
function emitWhole(context: TargetContext, target: Target, bindings: Bindings, from: Binding): Bindings {
  const { place } = context;
  if (target.transform === undefined) {
    return withName(bindings, target.variable, from);
  }
  if (from.form !== "cell") {
    report(place, "unsupported", `${from.path} is filled element by element, not as a whole`, target.position);
    return bindings;
  }
  const value = emitValue(context, target, bindings, [from.type ?? ""], from.path);
  if (value !== undefined) {
    fillCell(context, from, value, target.position);
  }
  return bindings;
}

function fillCell(context: TargetContext, cell: Binding, value: Value, position: Position): void {
  const element = { property: "value", known: true, types: [cell.type ?? ""], array: false, choice: false, companion: false };
  emitAssign(context, { parent: cell, property: "value", array: false }, element, { value, position });
}

// `tgt.a.b`: a is made if it is not there; which one would be meant if it repeats?
function reach(context: TargetContext, from: Binding, path: ElementPath): Reached | undefined {
  let parent = from;
  for (const name of path.elements.slice(0, -1)) {
    const element = elementIn(context, parent, name);
    if (element === undefined) {
      return undefined;
    }
    const type = element.types.length === 1 ? element.types[0] : undefined;
    if (element.array || (element.known && type === undefined)) {
      const why = element.array ? "repeats" : "has several types";
      report(context.place, "cardinality", `${name.text} ${why}: give it a rule of its own with 'as'`, name.position);
      return undefined;
    }
    context.writer.flush();
    parent = makeElement(context, { parent, name, element }, type, {}) ?? parent;
  }
  const name = path.elements.at(-1);
  const element = name === undefined ? undefined : elementIn(context, parent, name);
  return name === undefined || element === undefined ? undefined : { parent: elementOwner(parent, name), name, element };
}

interface Reached {
  readonly parent: Binding;
  readonly name: Name;
  readonly element: StaticElement;
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
  return name.text === "value"
    ? { property: "value", known: true, types: [parent.type ?? ""], array: false, choice: false, companion: false }
    : elementAt(place, "Element", name);
}

function emitElement(context: TargetContext, target: Target, bindings: Bindings, reached: Reached): Bindings {
  const { transform, variable, listMode, position } = target;
  const path = `${reached.parent.path}.${reached.name.text}`;
  const creates = transform === undefined || (transform.kind === "call" && transform.name === "create");
  if (creates) {
    const args = transform?.kind === "call" ? transform.args : [];
    const type = createdType(context, args, reached.element.known ? reached.element.types : [], position);
    if (type === undefined && reached.element.known) {
      return bindings;
    }
    const options = { variable: variable?.text, listMode, shareId: target.shareId };
    return withName(bindings, variable, makeElement(context, reached, type, options));
  }
  const value = emitValue(context, target, bindings, reached.element.types, path);
  if (value === undefined) {
    return bindings;
  }
  const { parent, element } = reached;
  if (variable !== undefined) {
    return assignNamed(context, { target, variable, reached, value }, bindings);
  }
  const to: Attachment = { parent, property: element.property, array: element.array, ...listModeOf(listMode) };
  emitAssign(context, to, element, { value, position });
  return bindings;
}

const listModeOf = (listMode: TargetListMode | undefined) => (listMode === undefined ? {} : { listMode });

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
    return withName(bindings, variable, cell);
  }
  const js = newName(place.unit, variable.text);
  writer.flush();
  writer.lines.push(`const ${js} = ${value.js};`);
  const to: Attachment = { parent, property: element.property, array: element.array, ...listModeOf(target.listMode) };
  emitAssign(context, to, element, { value: { ...value, js }, position: target.position });
  const form = value.form === "node" ? "node" : "raw";
  return withName(bindings, variable, sourceBinding({ name: variable.text, js, form, type: value.type, path: variable.text }));
}

/** The type of an element that a rule makes: what `create` names, else the only type that the element has. */
function createdType(
  { place, self }: TargetContext,
  args: readonly Expression[],
  types: readonly string[],
  position: Position,
): string | undefined {
  const call: TransformCall = { place, bindings: new Map(), args, expected: types, position, targetPath: self.path };
  const named = literalText(call, 0, "the type to create");
  const { types: table, models } = place.unit.linked;
  if (named === undefined) {
    if (types.length > 1) {
      report(place, "type", `this element has several types: create('${types[0]}') for one of them`, position);
      return undefined;
    }
    return types[0];
  }
  const full = [named, ...models.map(({ url }) => `${url}#${named}`)].find((type) => table.has(type));
  if (full === undefined) {
    report(place, "unknown-type", `no type is named ${named}`, position);
    return undefined;
  }
  const fits = types.length === 0 || types.some((type) => isSubtype(table, full, type));
  if (!fits) {
    report(place, "type", `a ${named} does not fit here; it takes ${types.map(shortName).join(", ")}`, position);
  }
  return fits ? full : undefined;
}

/** A variable for an object that this function makes. */
export function newTarget(place: Place, hint: string, type: string | undefined, path: string): Binding & { readonly build: Build } {
  const build: Build = { owned: true, loops: place.loops, guards: place.guards, written: new Set(), filled: false };
  return { name: hint, js: newName(place.unit, hint), mode: "target", form: "raw", type, path, build };
}

/** What a new object of a type begins with. */
export function resourceType(place: Place, type: string | undefined): Readonly<Record<string, string>> {
  return type !== undefined && place.unit.linked.types.get(type)?.kind === "resource" ? { resourceType: quote(type) } : {};
}

interface MakeOptions {
  readonly variable?: string | undefined;
  readonly listMode?: TargetListMode | undefined;
  readonly shareId?: string | undefined;
}

/** Makes an element in its parent, or finds the one to go on with: a scalar made before, a shared or a single one. */
export function makeElement(
  context: TargetContext,
  { parent, name, element }: Reached,
  type: string | undefined,
  { variable = name.text, listMode, shareId }: MakeOptions,
): Binding | undefined {
  const { place, writer, made } = context;
  const key = element.choice && type !== undefined ? choiceProperty(element.property, type) : element.property;
  const to: Attachment = { parent, property: key, array: element.array, ...listModeOf(listMode) };
  const path = `${parent.path}.${name.text}`;
  if (type !== undefined && place.unit.linked.types.get(type)?.kind === "primitive") {
    return makeCell(context, to, type, path);
  }
  const binding = newTarget(place, variable, type, path);
  const first = resourceType(place, type);
  const reuses = listMode === "share" || listMode === "single" || listMode === "collate";
  const known = parent.build;
  const mayExist = !element.array && (known?.owned !== true || known.written.has(key) || known.written.has("*") || known.loops !== place.loops);
  made.push({ binding, to });
  if (!reuses && !mayExist) {
    writer.make(binding, first, to);
    return binding;
  }
  writer.flush();
  writer.lines.push(...reuse(context, binding, to, literalOf(first), shareId));
  return { ...binding, build: { ...binding.build, owned: false } };
}

const literalOf = (first: Readonly<Record<string, string>>) =>
  `{ ${Object.entries(first).map(([name, js]) => `${name}: ${js}`).join(", ")} }`;

function reuse(
  { place }: TargetContext,
  { js }: Binding,
  to: Attachment,
  literal: string,
  shareId: string | undefined,
): readonly string[] {
  const { parent, property: key, array, listMode } = to;
  const at = property(parent.js, key);
  parent.build?.written.add(key);
  if (!array) {
    return [`let ${js} = ${at};`, `if (${js} === undefined) ${at} = ${js} = ${literal};`];
  }
  const { listMode: _, ...plain } = to;
  const push = attachLines({ ...place, loops: -1 }, plain, js).join(" ");
  if (listMode !== "share") {
    return [`let ${js} = ${at}?.[0];`, `if (${js} === undefined) { ${js} = ${literal}; ${push} }`];
  }
  const slot = `shared_${parent.js}_${key}_${(shareId ?? "").replace(/[^A-Za-z0-9]/g, "_")}`.replace(/[^\w]/g, "_");
  for (const local of [slot, `${slot}_of`]) {
    if (!place.group.locals.includes(local)) {
      place.group.locals.push(local);
    }
  }
  return [
    `if (${slot}_of !== ${parent.js} || !has(${at}, ${slot})) { const ${js} = ${slot} = ${literal}; ${slot}_of = ${parent.js}; ${push} }`,
    `const ${js} = ${slot};`,
  ];
}

function makeCell({ place, writer, made }: TargetContext, to: Attachment, type: string, path: string): Binding {
  const binding: Binding = { ...newTarget(place, to.property, type, path), form: "cell" };
  writer.flush();
  writer.lines.push(`const ${binding.js} = { value: undefined, element: undefined };`);
  made.push({ binding, to });
  return binding;
}

/** The value of a target's transform. */
function emitValue(
  { place, writer, self }: TargetContext,
  target: Target,
  bindings: Bindings,
  expected: readonly string[],
  targetPath: string,
): Value | undefined {
  const { transform } = target;
  if (transform === undefined) {
    return undefined;
  }
  const { position } = transform;
  switch (transform.kind) {
    case "literal":
      return emitExpression(transform.literal, place, new Map(), self);
    case "expression":
      flushIfRead(writer, bindings, transform.expression);
      return emitExpression(transform.expression, place, bindings, self);
    case "call":
      transform.args.forEach((arg) => flushIfRead(writer, bindings, arg));
      return emitTransform(transform.name, { place, bindings, args: transform.args, expected, position, targetPath });
    case "copy":
      return emitCopy(place, writer, bindings, transform.path);
  }
}

// an expression that reads what the rule is making must see it made
function flushIfRead(writer: TargetWriter, bindings: Bindings, expression: Expression): void {
  const text = JSON.stringify(expression);
  const reads = [...bindings.values()].some(({ mode, name }) => mode === "target" && text.includes(`"name":${quote(name)}`));
  if (reads) {
    writer.flush();
  }
}

function emitCopy(place: Place, writer: TargetWriter, bindings: Bindings, path: ElementPath): Value | undefined {
  const binding = lookUp(place, bindings, path.context);
  if (binding === undefined) {
    return undefined;
  }
  if (path.elements.length > 0 || binding.constant !== undefined) {
    const expression = path.elements.reduce<Expression>(
      (target, { text, position }) => ({ kind: "member", target, name: text, position }),
      { kind: "member", name: path.context.text, position: path.context.position },
    );
    return emitExpression(expression, place, bindings, binding);
  }
  if (binding.mode === "target") {
    writer.flush();
  }
  const { js, form, type } = binding;
  return form === "cell"
    ? { js: `${js}.value`, form: "raw", type, certain: false }
    : { js, form, type, certain: form === "raw" };
}

