import type { Name, Parameter } from "./ast.ts";
import { type LinkedGroup, resolveType } from "./linker.ts";
import { nearest, shortName } from "./static-type.ts";
import { isSubtype } from "./types.ts";
import { type Binding, type Instance, newName, type Place, report } from "./unit.ts";

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
  const bound = parameters.map((parameter, i) => bindArgument(place, linked, parameter, args[i], name));
  if (bound.includes(undefined)) {
    return [];
  }
  const known = bound.filter((one) => one !== undefined);
  const instance = instanceOf(place, linked, known.map(({ parameter }) => parameter));
  return [`${instance.js}(${known.flatMap(({ js }) => js).join(", ")});`];
}

interface Bound {
  readonly parameter: Omit<Binding, "js">;
  readonly js: readonly string[];
}

function bindArgument(
  place: Place,
  linked: LinkedGroup,
  { mode, name, type }: Parameter,
  arg: Binding | undefined,
  call: Name,
): Bound | undefined {
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
  arg.build?.written.add("*");
  return passed(place, { mode, name: name.text, declared }, arg);
}

function agree({ unit }: Place, declared: string | undefined, given: string | undefined): boolean {
  const { types } = unit.linked;
  const isPlain = given?.startsWith("System.") === true;
  return (
    declared === undefined || given === undefined || isPlain || isSubtype(types, given, declared) || isSubtype(types, declared, given)
  );
}

// how an argument stands in the callee: a node whose type is declared is opened on the way
function passed(
  place: Place,
  { mode, name, declared }: { mode: Binding["mode"]; name: string; declared: string | undefined },
  arg: Binding,
): Bound {
  const { unit } = place;
  const primitive = declared !== undefined && unit.linked.types.get(declared)?.kind === "primitive";
  const opens = arg.form === "node" && declared !== undefined;
  const form = opens ? (primitive ? "primitive" : "raw") : arg.form === "cell" && mode === "source" ? "primitive" : arg.form;
  const type = declared !== undefined && (arg.type === undefined || isSubtype(unit.linked.types, declared, arg.type)) ? declared : arg.type;
  const parts = partsOf(arg, form, opens);
  const path = unit.traced && mode === "source" ? [arg.mode === "source" && !arg.path.startsWith("a literal") ? `${arg.js}_p` : "noPath"] : [];
  const parameter = { name, mode, form, type, path: name } as const;
  return { parameter, js: [...parts, ...path] };
}

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
  const shape = parameters.map(({ mode, form, type }) => [mode, form, type ?? ""]);
  const key = JSON.stringify([linked.group.name.text, entry, ...shape]);
  const known = unit.instances.get(key);
  if (known !== undefined) {
    return known;
  }
  const instance: Instance = {
    js: newName(unit, `group${linked.group.name.text}`),
    linked,
    parameters: parameters.map((parameter) => buildParameter(unit, parameter, entry)),
    entry,
  };
  unit.instances.set(key, instance);
  unit.queue.push(instance);
  return instance;
}

function buildParameter(unit: Place["unit"], parameter: Omit<Binding, "js">, owned: boolean): Binding {
  const build = { owned, loops: 0, guards: 0, written: new Set<string>(), filled: false };
  return { ...parameter, js: newName(unit, parameter.name), ...(parameter.mode === "target" ? { build } : {}) };
}

/** The call of the group that a group extends, with the same arguments. */
export function callBase(place: Place, base: Name, parameters: readonly Binding[]): readonly string[] {
  return callGroup(place, base, parameters);
}

/** The group that maps one type to another by default (`<<types>>`, `<<type+>>`), if there is one. */
export function groupForTypes(
  place: Place,
  from: string | undefined,
  to: string | undefined,
): { readonly name: Name; readonly targetType: string | undefined } | undefined {
  const { linked } = place.unit;
  if (from === undefined) {
    return undefined;
  }
  for (const { group, map } of linked.groups.values()) {
    const [source, target] = group.parameters;
    if (group.typeMode === undefined || group.parameters.length !== 2 || source?.type === undefined) {
      continue;
    }
    const sourceType = resolveType(linked, map, source.type);
    const targetType = target?.type === undefined ? undefined : resolveType(linked, map, target.type);
    const isAny = group.typeMode === "type+" && to === undefined;
    if (sourceType === from && (isAny || targetType === to)) {
      return { name: group.name, targetType };
    }
  }
  return undefined;
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

