import type { Position } from "./errors.ts";
import type { Value } from "./emit-evaluate.ts";
import { fit, type StaticElement, shortName } from "./static-type.ts";
import { type Attachment, markFilled, type TargetWriter } from "./target-writer.ts";
import { choiceProperty, systemTypeOf } from "./types.ts";
import { type Binding, constant, type Place, property, quote, report, site } from "./unit.ts";

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
    writer.then(`put(${to.parent.js}, ${quote(to.property)}, ${js}, ${where});`);
    return;
  }
  if (value.form === "node" || value.type === undefined) {
    assignNode(context, to, element, given, where);
    return;
  }
  const type = typeFor(place, value.type, element, position);
  if (type === undefined) {
    return;
  }
  const key = element.choice ? choiceProperty(element.property, type) : to.property;
  const how = fit(place, value.type, type);
  const checker = how === "check" ? (checkers[type] ?? "quantityOf") : undefined;
  assignRaw(context, { ...to, property: key }, value, (js) => (checker === undefined ? js : `${checker}(${js}, ${where})`));
}

function assignRaw(
  { writer, place }: Context,
  to: Attachment,
  { js, form, certain, type }: Value,
  convert: (js: string) => string,
): void {
  const copied = type !== undefined && isShared(place, type) ? `copy(${js})` : js;
  if (form !== "primitive") {
    const isSimple = certain || convert(js) === js;
    writer.assign(to, isSimple ? convert(copied) : `optional(${js}, (v) => ${convert("v")})`, certain);
    return;
  }
  const keepsExtensions = to.parent.form === "cell" || parentKeepsCompanions(place, to.parent);
  if (to.parent.form === "cell") {
    writer.then(`if (${js} != null) ${to.parent.js}.value = ${convert(js)};`, `if (${js}_ != null) ${to.parent.js}.element = copy(${js}_);`);
  } else if (to.array || !keepsExtensions) {
    const values = `${js} == null ? undefined : ${convert(js)}`;
    writer.then(`putPrimitive(${to.parent.js}, ${quote(to.property)}, ${values}, ${keepsExtensions ? `${js}_` : "undefined"}, ${to.array});`);
    to.parent.build?.written.add(to.property);
  } else {
    const { parent, property: key } = to;
    writer.then(
      `if (${js} != null) ${property(parent.js, key)} = ${convert(js)};`,
      `if (${js}_ != null) ${property(parent.js, `_${key}`)} = copy(${js}_);`,
    );
    parent.build?.written.add(key);
    // one of the two is there, or the rule would not run
    markFilled(place, parent);
  }
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
function assignNode({ writer, place }: Context, to: Attachment, element: StaticElement, { value }: Given, where: number): void {
  const { unit } = place;
  const js = value.form === "node" ? value.js : `node(undefined, ${value.js})`;
  const variants = element.types.map((type) => [
    type,
    element.choice ? choiceProperty(element.property, type) : to.property,
    systemTypeOf(unit.linked.types, type) ?? "",
  ]);
  const table = constant(unit, "T", JSON.stringify(variants));
  writer.then(`putNode(${to.parent.js}, ${table}, ${js}, ${element.array}, ${where});`);
  to.parent.build?.written.add("*");
}

function typeFor(place: Place, from: string, element: StaticElement, position: Position): string | undefined {
  const exact = element.types.find((type) => type === from);
  const same = exact ?? element.types.find((type) => fit(place, from, type) === "same");
  const any = same ?? (element.types.length === 1 ? element.types.find((type) => fit(place, from, type)) : undefined);
  if (any === undefined) {
    const wanted = element.types.map(shortName).join(", ");
    const cure = from === "System.String" || from === "string" ? "; use cast(value, 'type')" : "";
    report(place, "type", `a ${shortName(from)} does not fit ${element.property}, which takes ${wanted}${cure}`, position);
  }
  return any;
}
