import type { Value } from "./emit-evaluate.ts";
import type { Position } from "./errors.ts";
import { type Variant, variantFor } from "./runtime-targets.ts";
import { fitOf, type StaticElement, shortName } from "./static-type.ts";
import {
  type Attachment,
  insertionOf,
  markFilled,
  noted,
  noteLines,
  type TargetWriter,
} from "./target-writer.ts";
import { choiceProperty, systemTypeOf } from "./types.ts";
import { type Binding, constant, type Place, pathCode, property, quote, report, site } from "./unit.ts";

interface Context {
  readonly place: Place;
  readonly writer: TargetWriter;
  readonly self: Binding;
}

interface Given {
  readonly value: Value;
  readonly position: Position;
}

const checkers: Readonly<Record<string, string>> = {
  date: "date",
  dateTime: "dateTime",
  instant: "instant",
  time: "time",
};

/** Writes a value into an element after its type: as it is, with a check of its text, or not at all. */
export function emitAssign(context: Context, to: Attachment, element: StaticElement, given: Given): void {
  const { place, writer, self } = context;
  const { value, position } = given;
  const where = site(place, self.path, `${to.parent.path}.${element.property}`);
  if (!element.known) {
    const js = value.form === "node" ? `(${value.js})?.value` : value.js;
    to.parent.build?.written.add(to.property);
    const put = `put(${to.parent.js}, ${quote(to.property)}, ${js})`;
    writer.later(noted(put, noteLines(place, to, self)));
    return;
  }
  if (value.form === "node" || value.type === undefined) {
    assignNode(context, to, element, value);
    return;
  }
  const type = typeFor(place, value.type, element, position);
  if (type === undefined) {
    return;
  }
  const key = element.choice ? choiceProperty(element.property, type) : to.property;
  const how = fitOf(place, value.type, type);
  const checker = how === "check" ? (checkers[type] ?? "quantityOf") : undefined;
  assignRaw(context, { ...to, property: key }, value, (js) =>
    checker === undefined ? js : `${checker}(${js}, ${where})`,
  );
}

function assignRaw(
  { writer, place, self }: Context,
  to: Attachment,
  { js, form, certain, type }: Value,
  convert: (js: string) => string,
): void {
  const notes = noteLines(place, to, self);
  const copied = type !== undefined && isShared(place, type) ? `copy(${js})` : js;
  if (form !== "primitive") {
    const isSimple = certain || convert(js) === js;
    writer.assign(to, isSimple ? convert(copied) : `optional(${js}, (v) => ${convert("v")})`, certain, notes);
    return;
  }
  writer.later(...primitiveLines(place, to, { js, value: convert(js), notes }));
  to.parent.build?.written.add(to.property);
}

// a FHIR primitive comes with its id and extensions; one of the two is there, or the rule would not run
function primitiveLines(
  place: Place,
  to: Attachment,
  { js, value, notes }: { readonly js: string; readonly value: string; readonly notes: readonly string[] },
): readonly string[] {
  const { parent, property: key, array } = to;
  if (parent.form === "cell") {
    return [
      `if (${js} != null) ${parent.js}.value = ${value};`,
      `if (${js}_ != null) ${parent.js}.element = copy(${js}_);`,
      ...notes,
    ];
  }
  const keeps = parentKeepsCompanions(place, parent);
  if (array || !keeps) {
    const companion = keeps ? `${js}_` : "undefined";
    const given = `{ value: ${js} == null ? undefined : ${value}, element: ${companion} }`;
    const list = insertionOf(place, to) ?? array;
    return [noted(`putPrimitive(${parent.js}, ${quote(key)}, ${given}, ${list})`, notes)];
  }
  markFilled(place, parent);
  return [
    `if (${js} != null) ${property(parent.js, key)} = ${value};`,
    `if (${js}_ != null) ${property(parent.js, `_${key}`)} = copy(${js}_);`,
    ...notes,
  ];
}

function parentKeepsCompanions({ unit }: Place, { type }: Binding): boolean {
  return type !== undefined && unit.linked.types.get(type)?.kind !== "logical";
}

// a complex value that also stays in the source must not be changed through the target
function isShared({ unit }: Place, type: string): boolean {
  const kind = unit.linked.types.get(type)?.kind;
  return kind !== undefined && kind !== "primitive" && !type.startsWith("System.");
}

// only the document tells the type, so the run-time library chooses and checks
function assignNode(
  { writer, place, self }: Context,
  to: Attachment,
  element: StaticElement,
  value: Value,
): void {
  const { unit } = place;
  const where = site(place, self.path, `${to.parent.path}.${element.property}`);
  const js = value.form === "node" ? value.js : `node(undefined, ${value.js})`;
  const variants = element.types.map(
    (type): Variant => [
      type,
      element.choice ? choiceProperty(element.property, type) : to.property,
      systemTypeOf(unit.linked.types, type) ?? "",
    ],
  );
  const table = constant(unit, "T", JSON.stringify({ variants, array: element.array }));
  const insertion = insertionOf(place, { ...to, array: element.array });
  const into = insertion === undefined ? table : `{ ...${table}, insertion: ${insertion} }`;
  const put = `putNode(${to.parent.js}, ${into}, ${js}, ${where})`;
  writer.later(
    unit.traced ? `noteProperty(${to.parent.js}, ${put}, ${pathCode(self)}, ${where});` : `${put};`,
  );
  for (const [, written] of variants) {
    to.parent.build?.written.add(written);
  }
}

function typeFor(place: Place, from: string, element: StaticElement, position: Position): string | undefined {
  const found = chooseType(place, from, element);
  if (found === undefined) {
    const wanted = element.types.map(shortName).join(", ");
    const cure = systemTypeOf(place.unit.linked.types, from) === "String" ? "; use cast(value, 'type')" : "";
    const message = `a ${shortName(from)} does not fit ${element.property}, which takes ${wanted}${cure}`;
    report(place, "type", message, position);
  }
  return found;
}

function chooseType(place: Place, from: string, element: StaticElement): string | undefined {
  const { types } = place.unit.linked;
  const variants = element.types.map((type): Variant => [type, type, systemTypeOf(types, type) ?? ""]);
  const usual = variantFor(variants, { type: from, value: undefined }, systemTypeOf(types, from))?.[0];
  return usual !== undefined && fitOf(place, from, usual) !== undefined
    ? usual
    : element.types.find((type) => fitOf(place, from, type) === "same");
}
