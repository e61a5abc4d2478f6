import type { Name, Parameter } from "./ast.ts";
import { type LinkedGroup, resolveType } from "./linker.ts";
import { nearest, shortName } from "./static-type.ts";
import { isSubtype } from "./types.ts";
import { type Binding, type Build, type Instance, newName, type Place, pathCode, report } from "./unit.ts";

/** Writes the call of a group; the group is compiled once for each combination of argument types. */
export function callGroup(place: Place, name: Name, args: readonly Binding[]): readonly string[] {
  const { groups } = place.unit.linked;
  const linked = groups.get(name.text);
  if (linked === undefined) {
    const near = nearest(name.text, [...groups.keys()]);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    report(place, "unknown-group", `no group is named ${name.text}${hint}`, name.position);
    return [];
  }
  const { parameters } = linked.group;
  if (args.length !== parameters.length) {
    const message = `${name.text} takes ${parameters.length} parameters, not ${args.length}`;
    report(place, "arity", message, name.position);
    return [];
  }
  const bound = parameters.map((parameter, i) =>
    bindArgument(place, { linked, parameter, call: name }, args[i]),
  );
  if (bound.includes(undefined)) {
    return [];
  }
  const known = bound.filter((one) => one !== undefined);
  const instance = instanceOf(
    place,
    linked,
    known.map(({ parameter }) => parameter),
  );
  place.group.calls.add(instance.js);
  return [`${instance.js}(${known.flatMap(({ js }) => js).join(", ")});`];
}

interface Bound {
  readonly parameter: Omit<Binding, "js">;
  readonly js: readonly string[];
}

interface Slot {
  readonly linked: LinkedGroup;
  readonly parameter: Parameter;
  readonly call: Name;
}

function bindArgument(
  place: Place,
  { linked, parameter, call }: Slot,
  arg: Binding | undefined,
): Bound | undefined {
  const { mode, name, type } = parameter;
  if (arg === undefined) {
    return undefined;
  }
  if (mode === "target" && arg.mode === "source") {
    report(place, "type", `${arg.name} is a source, but ${call.text} wants a target there`, call.position);
    return undefined;
  }
  const declared = type === undefined ? undefined : resolveType(place.unit.linked, linked.map, type);
  if (!agree(place, declared, arg.type)) {
    const [given, wanted] = [shortName(arg.type ?? ""), shortName(declared ?? "")];
    report(place, "type", `${call.text} wants a ${wanted} as ${name.text}, not a ${given}`, call.position);
    return undefined;
  }
  const bound = passed(place, { mode, name: name.text, declared }, arg);
  arg.build?.written.add("*");
  return bound;
}

function agree({ unit }: Place, declared: string | undefined, given: string | undefined): boolean {
  const { types } = unit.linked;
  const isPlain = given?.startsWith("System.") === true;
  return (
    declared === undefined ||
    given === undefined ||
    isPlain ||
    isSubtype(types, given, declared) ||
    isSubtype(types, declared, given)
  );
}

// how an argument stands in the callee: a node whose type is declared is opened on the way
function passed(
  place: Place,
  { mode, name, declared }: { mode: Binding["mode"]; name: string; declared: string | undefined },
  arg: Binding,
): Bound {
  const { types } = place.unit.linked;
  const opens = arg.form === "node" && declared !== undefined;
  const form = opens ? openedForm(place, declared) : isReadCell(arg, mode) ? "primitive" : arg.form;
  const narrows = declared !== undefined && (arg.type === undefined || isSubtype(types, declared, arg.type));
  const type = narrows ? declared : arg.type;
  const build = mode === "target" ? { build: handedOver(place, arg) } : {};
  const parameter = { name, mode, form, type, path: name, ...build } as const;
  return { parameter, js: [...partsOf(arg, form, opens), ...pathOf(place, arg, mode)] };
}

// what the caller knows of a target's emptiness, the callee knows too
function handedOver(place: Place, { build }: Binding): Build {
  const owned = build?.owned === true && build.loops === place.loops && !build.written.has("*");
  return { owned, loops: 0, guards: 0, written: new Set(owned ? build.written : []), filled: false };
}

const openedForm = ({ unit }: Place, declared: string): Binding["form"] =>
  unit.linked.types.get(declared)?.kind === "primitive" ? "primitive" : "raw";

const isReadCell = ({ form }: Binding, mode: Binding["mode"]) => form === "cell" && mode === "source";

const pathOf = ({ unit }: Place, arg: Binding, mode: Binding["mode"]): readonly string[] =>
  unit.traced && mode === "source" ? [pathCode(arg)] : [];

function partsOf({ js, form }: Binding, wanted: Binding["form"], opens: boolean): readonly string[] {
  if (opens) {
    return wanted === "primitive" ? [`${js}.value`, `${js}.element`] : [`${js}.value`];
  }
  if (form === "cell" && wanted === "primitive") {
    return [`${js}.value`, `${js}.element`];
  }
  return form === "primitive" ? [js, `${js}_`] : [js];
}

/** The compiled group for these parameters; queued the first time it is asked for. */
export function instanceOf(
  { unit }: Pick<Place, "unit">,
  linked: LinkedGroup,
  parameters: readonly Omit<Binding, "js">[],
  entry = false,
): Instance {
  const shape = parameters.map(({ mode, form, type, build }) => [
    [mode, form, type ?? ""],
    build?.owned === true ? [...build.written].sort() : "",
  ]);
  const key = JSON.stringify([linked.group.name.text, entry, ...shape]);
  const known = unit.instances.get(key);
  if (known !== undefined) {
    return known;
  }
  const instance: Instance = {
    js: newName(unit, `group${linked.group.name.text}`),
    linked,
    parameters: parameters.map((parameter) => ({ ...parameter, js: newName(unit, parameter.name) })),
    entry,
  };
  unit.instances.set(key, instance);
  unit.queue.push(instance);
  return instance;
}

/** The call of the group that a group extends, with the same arguments. */
export function callBase(place: Place, base: Name, parameters: readonly Binding[]): readonly string[] {
  return callGroup(place, base, parameters);
}

/** A group that stands behind `<<types>>` or `<<type+>>`. */
export interface GroupForTypes {
  readonly name: Name;
  readonly sourceType: string;
  readonly targetType: string | undefined;
}

interface DefaultGroup extends GroupForTypes {
  readonly isAny: boolean;
}

function defaultGroups({ unit }: Place): readonly DefaultGroup[] {
  const { linked } = unit;
  return [...linked.groups.values()].flatMap(({ group, map }) => {
    const { typeMode, parameters, name } = group;
    const [sourceType, targetType] = parameters.map(({ type }) => type && resolveType(linked, map, type));
    return typeMode === undefined || parameters.length !== 2 || sourceType === undefined
      ? []
      : [{ name, sourceType, targetType, isAny: typeMode === "type+" }];
  });
}

/** The group that maps a type to one that the element takes, if there is one; no `into` where nobody knows. */
export function groupForTypes(
  place: Place,
  from: string | undefined,
  into: readonly string[],
): GroupForTypes | undefined {
  return defaultGroups(place).find((group) => group.sourceType === from && isTakenBy(place, group, into));
}

function isTakenBy({ unit }: Place, { targetType, isAny }: DefaultGroup, into: readonly string[]): boolean {
  const { types } = unit.linked;
  return into.length === 0
    ? isAny
    : into.some((type) => targetType !== undefined && isSubtype(types, targetType, type));
}

/** The groups for the resources that an element of an open type (`Resource`, or unknown) may hold. */
export function groupsForSubtypes(
  place: Place,
  from: string | undefined,
  into: readonly string[],
): readonly GroupForTypes[] {
  const { types } = place.unit.linked;
  const isOpen = from === undefined || types.get(from)?.abstract === true;
  const mayBe = (type: string) =>
    types.get(type)?.kind === "resource" && (from === undefined || isSubtype(types, type, from));
  return defaultGroups(place).filter(
    (group) => isOpen && mayBe(group.sourceType) && isTakenBy(place, group, into),
  );
}

/** The parameters of a group as JavaScript. */
export function parameterList({ unit }: Pick<Place, "unit">, parameters: readonly Binding[]): string {
  return parameters
    .flatMap(({ js, form, mode }) => [
      js,
      ...(form === "primitive" ? [`${js}_`] : []),
      ...(unit.traced && mode === "source" ? [`${js}_p`] : []),
    ])
    .join(", ");
}
