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
  arg.build?.written.add("*");
  return passed(place, { mode, name: name.text, declared }, arg);
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
  const parameter = { name, mode, form, type: narrows ? declared : arg.type, path: name } as const;
  return { parameter, js: [...partsOf(arg, form, opens), ...pathOf(place, arg, mode)] };
}

const openedForm = ({ unit }: Place, declared: string): Binding["form"] =>
  unit.linked.types.get(declared)?.kind === "primitive" ? "primitive" : "raw";

const isReadCell = ({ form }: Binding, mode: Binding["mode"]) => form === "cell" && mode === "source";

function pathOf(
  { unit }: Place,
  { mode: own, isLiteral, js }: Binding,
  mode: Binding["mode"],
): readonly string[] {
  const has = own === "source" && isLiteral !== true;
  return unit.traced && mode === "source" ? [has ? `${js}_p` : "noPath"] : [];
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
  return {
    ...parameter,
    js: newName(unit, parameter.name),
    ...(parameter.mode === "target" ? { build } : {}),
  };
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
  const byDefault = [...linked.groups.values()].filter(({ group }) => group.typeMode !== undefined);
  for (const { group, map } of from === undefined ? [] : byDefault) {
    const [source, target] = group.parameters.map(({ type }) => type && resolveType(linked, map, type));
    const isAny = group.typeMode === "type+" && to === undefined;
    if (source === from && group.parameters.length === 2 && (isAny || target === to)) {
      return { name: group.name, targetType: target ?? to };
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
