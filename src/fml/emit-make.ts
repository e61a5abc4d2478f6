import type { Name, TargetListMode } from "./ast.ts";
import type { Position } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { type StaticElement, shortName } from "./static-type.ts";
import { type Attachment, attachLines, isAbsent, noteLines, type TargetWriter } from "./target-writer.ts";
import { literalText } from "./transform-arguments.ts";
import type { TransformCall } from "./transform-call.ts";
import { choiceProperty, isSubtype } from "./types.ts";
import { type Binding, type Build, newName, type Place, property, quote, report } from "./unit.ts";

/** A target object that a rule made: the rule's end joins cells to their parents and drops what stayed empty. */
export interface Made {
  readonly binding: Binding;
  readonly to: Attachment;
  /** the condition in JavaScript under which a cell joins its parent */
  when?: string;
}

/** What the targets of a rule share while they are written. */
export interface TargetContext {
  readonly place: Place;
  readonly writer: TargetWriter;
  readonly made: Made[];
  /** `$this` of expressions: the rule's first source item */
  readonly self: Binding;
}

/** An element of a target that a rule has come to. */
export interface Reached {
  readonly parent: Binding;
  readonly name: Name;
  readonly element: StaticElement;
}

/** The list mode of a target as a part of a larger object; an empty part where the rule names none. */
export const listModeOf = (listMode: TargetListMode | undefined) =>
  listMode === undefined ? {} : { listMode };

/** A variable for an object that this function makes. */
export function newTarget(
  place: Place,
  hint: string,
  type: string | undefined,
  path: string,
): Binding & { readonly build: Build } {
  const build: Build = {
    owned: true,
    loops: place.loops,
    guards: place.guards,
    written: new Set(),
    filled: false,
  };
  return { name: hint, js: newName(place.unit, hint), mode: "target", form: "raw", type, path, build };
}

/** What a new object of a type begins with. */
export function resourceType(place: Place, type: string | undefined): Readonly<Record<string, string>> {
  return type !== undefined && place.unit.linked.types.get(type)?.kind === "resource"
    ? { resourceType: quote(type) }
    : {};
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
  const key =
    element.choice && type !== undefined ? choiceProperty(element.property, type) : element.property;
  const to: Attachment = { parent, property: key, array: element.array, ...listModeOf(listMode) };
  const path = `${parent.path}.${name.text}`;
  if (type !== undefined && place.unit.linked.types.get(type)?.kind === "primitive") {
    return makeCell(context, to, type, path);
  }
  const binding = newTarget(place, variable, type, path);
  const first = resourceType(place, type);
  const reuses = listMode === "share" || listMode === "single" || listMode === "collate";
  const mayExist = !element.array && !isAbsent(place, parent, key);
  made.push({ binding, to });
  const notes = noteLines(place, to, context.self, binding.js);
  if (!reuses && !mayExist) {
    writer.make(binding, first, to);
    writer.later(...notes);
    return binding;
  }
  writer.flush();
  writer.lines.push(...reuse(place, binding, to, { literal: literalOf(first), shareId }), ...notes);
  return { ...binding, build: { ...binding.build, owned: false } };
}

interface Reuse {
  readonly literal: string;
  readonly shareId: string | undefined;
}

const literalOf = (first: Readonly<Record<string, string>>) =>
  `{ ${Object.entries(first)
    .map(([name, js]) => `${name}: ${js}`)
    .join(", ")} }`;

function reuse(
  place: Place,
  { js }: Binding,
  to: Attachment,
  { literal, shareId }: Reuse,
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
  const slot = `shared_${parent.js}_${key}_${(shareId ?? "").replace(/[^A-Za-z0-9]/g, "_")}`.replace(
    /[^\w]/g,
    "_",
  );
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

function makeCell(
  { place, writer, made }: TargetContext,
  to: Attachment,
  type: string,
  path: string,
): Binding {
  const binding: Binding = { ...newTarget(place, to.property, type, path), form: "cell" };
  writer.flush();
  writer.lines.push(`const ${binding.js} = { value: undefined, element: undefined };`);
  made.push({ binding, to });
  return binding;
}

/** The type of an element that a rule makes: what `create` names, else the only type that the element has. */
export function createdType(
  { place, self }: TargetContext,
  args: readonly Expression[],
  types: readonly string[],
  position: Position,
): string | undefined {
  const call: TransformCall = {
    place,
    bindings: new Map(),
    args,
    expected: types,
    position,
    targetPath: self.path,
  };
  const named = literalText(call, 0, "the type to create");
  const { types: table, models } = place.unit.linked;
  if (named === undefined) return onlyType(place, types, position);
  const full = [named, ...models.map(({ url }) => `${url}#${named}`)].find((type) => table.has(type));
  if (full === undefined) {
    report(place, "unknown-type", `no type is named ${named}`, position);
    return undefined;
  }
  const fits = types.length === 0 || types.some((type) => isSubtype(table, full, type));
  if (!fits) {
    report(
      place,
      "type",
      `a ${named} does not fit here; it takes ${types.map(shortName).join(", ")}`,
      position,
    );
  }
  return fits ? full : undefined;
}

function onlyType(
  place: TargetContext["place"],
  types: readonly string[],
  position: Position,
): string | undefined {
  if (types.length <= 1) return types[0];
  report(place, "type", `this element has several types: create('${types[0]}') for one of them`, position);
  return undefined;
}
