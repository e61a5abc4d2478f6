import type { Name, Rule, Target } from "./ast.ts";
import { emitAssign } from "./emit-assign.ts";
import { callGroup, type GroupForTypes, groupForTypes, groupsForSubtypes } from "./emit-call.ts";
import type { Value } from "./emit-evaluate.ts";
import { listModeOf, type Made, makeElement, type TargetContext } from "./emit-make.ts";
import { emitSources, lookUp } from "./emit-source.ts";
import { cellValue, emitTarget } from "./emit-target.ts";
import type { Literal } from "./fhirpath-ast.ts";
import { elementAt, fitOf, type StaticElement, shortName } from "./static-type.ts";
import { insertionOf, noted, noteLines, TargetWriter } from "./target-writer.ts";
import { type Binding, type Bindings, type Place, property, quote, report, sourceBinding } from "./unit.ts";

/** Writes one rule: for each combination of its sources' items, its targets, the groups it calls, its own rules. */
export function emitRule(outer: Place, rule: Rule, bindings: Bindings): readonly string[] {
  const place: Place = { ...outer, rule: rule.name, position: rule.position };
  return [
    `// ${rule.position.line}${rule.name === "" ? "" : ` ${quote(rule.name)}`}`,
    ...emitSources(place, rule.sources, bindings, (inner, known, items) =>
      emitBody(inner, rule, known, items),
    ),
  ];
}

function emitBody(
  place: Place,
  rule: Rule,
  bindings: Bindings,
  items: readonly Binding[],
): readonly string[] {
  const [self] = items;
  if (self === undefined) {
    return [];
  }
  const context: TargetContext = { place, writer: new TargetWriter(place), made: [], self };
  const simple = simpleTarget(rule);
  if (simple !== undefined) {
    emitByType(context, simple, bindings, self);
    context.writer.flush();
    return [...context.writer.lines, ...finish(context)];
  }
  let known = bindings;
  for (const target of rule.targets) {
    known = emitTarget(context, target, known);
    trace(context);
  }
  context.writer.flush();
  return [...context.writer.lines, ...emitThen(place, rule, known), ...finish(context)];
}

function emitThen(place: Place, rule: Rule, bindings: Bindings): readonly string[] {
  const calls = rule.dependents.flatMap(({ group, args }) => {
    const values = args.map((arg) => argumentOf(place, bindings, arg));
    return values.includes(undefined)
      ? []
      : callGroup(
          place,
          group,
          values.filter((value) => value !== undefined),
        );
  });
  return [...calls, ...rule.rules.flatMap((inner) => emitRule(place, inner, bindings))];
}

function argumentOf(place: Place, bindings: Bindings, arg: Name | Literal): Binding | undefined {
  if ("text" in arg) {
    return lookUp(place, bindings, arg);
  }
  const js = typeof arg.value === "string" ? quote(arg.value) : String(arg.value);
  return sourceBinding({
    name: js,
    js,
    form: "raw",
    type: `System.${arg.type}`,
    path: "a literal",
    isLiteral: true,
  });
}

// cells join their parents when they are filled; what stayed empty leaves, inner elements first
function finish({ made, place, self }: TargetContext): readonly string[] {
  return [...made]
    .reverse()
    .flatMap((one) => (one.binding.form === "cell" ? joinCell(place, one, self) : dropEmpty(place, one)));
}

function joinCell(place: Place, { binding, to, when }: Made, self: Binding): readonly string[] {
  const { parent, property: name, array } = to;
  parent.build?.written.add(name);
  const call = `putPrimitive(${parent.js}, ${quote(name)}, ${binding.js}, ${insertionOf(place, to) ?? array})`;
  const put = noted(call, noteLines(place, to, self));
  return [when === undefined ? put : `if (${when}) { ${put} }`];
}

function dropEmpty(place: Place, { binding, to }: Made): readonly string[] {
  const { parent, property: name } = to;
  if (binding.build?.filled === true) {
    if (parent.build !== undefined && parent.build.guards === binding.build.guards) {
      parent.build.filled = true;
    }
    return [];
  }
  const likely = [...(binding.build?.written ?? [])].find((written) => written !== "*");
  const lacks = likely === undefined ? "" : `${property(binding.js, likely)} === undefined && `;
  const insertion = insertionOf(place, to);
  const rest = insertion === undefined ? "" : `, ${insertion}`;
  return [`if (${lacks}isEmpty(${binding.js})) detach(${parent.js}, ${quote(name)}, ${binding.js}${rest});`];
}

// the traced variant writes everything at once, so that each write can be noted where it happens
function trace({ place, writer }: TargetContext): void {
  if (place.unit.traced) {
    writer.flush();
  }
}

/** The target of a rule that leaves all to the types: one source, one element, no transform, nothing after it. */
function simpleTarget({ sources, targets, dependents, rules }: Rule): Target | undefined {
  const [target, ...more] = targets;
  const isSimple =
    sources.length === 1 &&
    more.length === 0 &&
    dependents.length + rules.length === 0 &&
    target?.transform === undefined &&
    target?.path?.elements.length === 1;
  return isSimple ? target : undefined;
}

function emitByType(context: TargetContext, target: Target, bindings: Bindings, item: Binding): void {
  const { place } = context;
  const [name] = target.path?.elements ?? [];
  const parent = target.path === undefined ? undefined : lookUp(place, bindings, target.path.context);
  if (parent === undefined || name === undefined) {
    return;
  }
  if (parent.mode !== "target") {
    report(place, "type", `${parent.name} is a source; a rule writes only to targets`, target.position);
    return;
  }
  const owner = parent.form === "cell" ? "Element" : parent.type;
  const isValue = parent.form === "cell" && name.text === "value";
  const element = isValue ? cellValue(parent) : elementAt(place, owner, name);
  if (element !== undefined) {
    mapByType(context, { parent, name, element, target }, item);
  }
}

interface Destination {
  readonly parent: Binding;
  readonly name: Name;
  readonly element: StaticElement;
  readonly target: Target;
}

function mapByType(context: TargetContext, to: Destination, item: Binding): void {
  const { place, writer } = context;
  const { name, element } = to;
  const group = groupForTypes(place, item.type, element.types);
  if (group !== undefined) {
    runGroup(context, to, item, group);
    return;
  }
  const open = groupsForSubtypes(place, item.type, element.types);
  if (!isCopyable(place, element, item)) {
    const [from, into] = [shortName(item.type ?? ""), element.types.map(shortName).join(" or ")];
    report(place, "type", `no group maps ${from} to ${into}, and they are not the same type`, name.position);
    return;
  }
  writer.flush();
  for (const candidate of open) {
    writer.lines.push(`if (isOf(${item.js}, ${quote(candidate.sourceType)})) {`);
    const inner = { ...context, made: [], place: { ...place, guards: place.guards + 1 } };
    runGroup(inner, to, { ...item, type: candidate.sourceType }, candidate);
    writer.flush();
    writer.lines.push(...finish(inner), "} else");
  }
  writer.lines.push(...(open.length === 0 ? [] : ["{"]));
  copyItem(context, to, item);
  writer.flush();
  writer.lines.push(...(open.length === 0 ? [] : ["}"]));
}

function runGroup(context: TargetContext, to: Destination, item: Binding, group: GroupForTypes): void {
  const { place, writer } = context;
  const child = makeElement(context, to, group.targetType, { listMode: to.target.listMode });
  writer.flush();
  writer.lines.push(...(child === undefined ? [] : callGroup(place, group.name, [item, child])));
}

function copyItem(
  context: TargetContext,
  { parent, name, element, target }: Destination,
  item: Binding,
): void {
  const form = item.form === "cell" ? "raw" : item.form;
  const value: Value = { js: item.js, form, type: item.type, certain: item.form === "raw" };
  const attachment = {
    parent,
    property: element.property,
    array: element.array,
    ...listModeOf(target.listMode),
  };
  emitAssign(context, attachment, element, { value, position: name.position });
}

function isCopyable(place: Place, { known, types }: StaticElement, { type, form }: Binding): boolean {
  const isOpen = !known || type === undefined || form === "node";
  return isOpen || types.some((into) => fitOf(place, type, into) !== undefined);
}
