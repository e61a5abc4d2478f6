import type { Constant, Group, Rule } from "./ast.ts";
import { callBase, instanceOf, parameterList } from "./emit-call.ts";
import { resourceType } from "./emit-make.ts";
import { emitRule } from "./emit-rule.ts";
import { type Linked, type LinkedGroup, resolveType } from "./linker.ts";
import { runtimeNames } from "./runtime-names.ts";
import { kindCheck } from "./source-walk.ts";
import { writeSlice } from "./type-slice.ts";
import {
  type Binding,
  type Bindings,
  type GroupState,
  type Instance,
  newUnit,
  type Place,
  site,
  sourceBinding,
  type Unit,
} from "./unit.ts";

const maxInstances = 2000;

/** Writes the function that makes a map's converter: constants, one function for each group, the entry. */
export function emitVariant(linked: Linked, name: string, traced: boolean): string {
  const unit = newUnit(linked, traced);
  const [entryGroup] = linked.map.groups;
  const entry = entryGroup === undefined ? undefined : linked.groups.get(entryGroup.name.text);
  if (entry === undefined) {
    return "";
  }
  const start = startInstance(unit, entry);
  const functions: EmittedGroup[] = [];
  compileQueue(unit, functions);
  if (!traced) {
    checkUncalled(linked, unit);
  }
  const byName = new Map(functions.map((emitted) => [emitted.js, emitted]));
  const body = functions.map((emitted) => writeFunction(emitted, byName)).join("\n");
  return writeVariant(unit, name, body, entryCode(unit, start));
}

interface EmittedGroup {
  readonly js: string;
  readonly parameters: string;
  readonly lines: readonly string[];
  /** names of the functions that it calls */
  readonly calls: ReadonlySet<string>;
  readonly place: Place;
}

function compileQueue(unit: Unit, functions: EmittedGroup[]): void {
  for (let instance = unit.queue.shift(); instance !== undefined; instance = unit.queue.shift()) {
    functions.push(emitGroup(unit, instance));
    if (unit.instances.size > maxInstances) {
      throw new RangeError(
        `the groups of ${unit.linked.map.name} call each other with too many different types`,
      );
    }
  }
}

// a group that nothing calls is compiled too, for its problems only
function checkUncalled(linked: Linked, { instances }: Unit): void {
  const called = new Set([...instances.values()].map((instance) => instance.linked));
  for (const group of linked.groups.values()) {
    if (!called.has(group)) {
      const aside = newUnit(linked, false);
      startInstance(aside, group);
      compileQueue(aside, []);
    }
  }
}

function startInstance(unit: Unit, linked: LinkedGroup): Instance {
  const parameters = linked.group.parameters.map(({ mode, name, type }): Omit<Binding, "js"> => {
    const known = type === undefined ? undefined : resolveType(unit.linked, linked.map, type);
    const isPrimitive = known !== undefined && unit.linked.types.get(known)?.kind === "primitive";
    const form = isPrimitive ? (mode === "source" ? "primitive" : "cell") : "raw";
    const build = { owned: true, loops: 0, guards: 0, written: new Set<string>(), filled: false };
    return {
      name: name.text,
      mode,
      form,
      type: known,
      path: name.text,
      ...(mode === "target" ? { build } : {}),
    };
  });
  return instanceOf({ unit }, linked, parameters, true);
}

function emitGroup(unit: Unit, { js, linked, parameters, entry }: Instance): EmittedGroup {
  const { group, map } = linked;
  const state = newState(group);
  const place: Place = {
    unit,
    map,
    rule: "",
    position: group.name.position,
    loops: 0,
    guards: 0,
    group: state,
  };
  const bindings: Bindings = new Map([
    ...map.constants.map((constant) => [constant.name.text, constantBinding(constant)] as const),
    ...parameters.map((parameter) => [parameter.name, parameter] as const),
  ]);
  const roots = entry ? parameters.filter(({ mode }) => mode === "source") : [];
  const base = group.extends === undefined ? [] : callBase(place, group.extends, parameters);
  const rules = group.rules.flatMap((rule) => emitRule(place, rule, bindings));
  const order = state.usesOrder ? ["const order = new Map();"] : [];
  const locals = state.locals.length === 0 ? [] : [`let ${state.locals.join(", ")};`];
  const constants = [...state.constants.values()].map(({ line }) => line);
  return {
    js,
    parameters: parameterList({ unit }, parameters),
    lines: [
      ...order,
      ...locals,
      ...constants,
      ...roots.flatMap((root) => kindCheck(place, root)),
      ...base,
      ...rules,
    ],
    calls: state.calls,
    place,
  };
}

const newState = (group: Group): GroupState => ({
  lasts: lastsOf(group.rules),
  locals: [],
  constants: new Map(),
  calls: new Set(),
  usesOrder: false,
});

const constantBinding = ({ name: { text }, value }: Constant): Binding =>
  sourceBinding({ name: text, js: "undefined", form: "raw", type: undefined, path: text, constant: value });

function lastsOf(rules: Group["rules"]): ReadonlySet<string> {
  const found = (rule: Rule): readonly string[] => [
    ...rule.targets.flatMap(({ listMode, path }) =>
      listMode === "last" ? (path?.elements.at(-1)?.text ?? []) : [],
    ),
    ...rule.rules.flatMap(found),
  ];
  return new Set(rules.flatMap(found));
}

// only groups that can come back to themselves pay for counting their depth
function writeFunction(
  { js, parameters, lines, calls, place }: EmittedGroup,
  byName: ReadonlyMap<string, EmittedGroup>,
): string {
  const body = reaches(js, calls, byName)
    ? [
        `if (++depth > maxDepth) tooDeep(${site(place, "", "")});`,
        "try {",
        ...lines,
        "} finally { depth--; }",
      ]
    : lines;
  return `function ${js}(${parameters}) {\n${body.join("\n")}\n}`;
}

function reaches(js: string, calls: ReadonlySet<string>, byName: ReadonlyMap<string, EmittedGroup>): boolean {
  const seen = new Set(calls);
  for (const name of seen) {
    for (const callee of byName.get(name)?.calls ?? []) {
      seen.add(callee);
    }
  }
  return seen.has(js);
}

function entryCode(unit: Unit, { js, parameters }: Instance): string {
  const place = { unit } as Place;
  const sources = parameters.filter(({ mode }) => mode === "source");
  const targets = parameters.filter(({ mode }) => mode === "target");
  const made = targets.map((target) => {
    const first = Object.entries(resourceType(place, target.type)).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const literal = target.form === "cell" ? "value: undefined, element: undefined" : first.join(", ");
    return `const ${target.js} = { ${literal} };`;
  });
  const args = parameters.flatMap(({ js: name, form, mode }) => {
    const path =
      unit.traced && mode === "source" ? [`rootPath(${JSON.stringify(name.replace(/_\d+$/, ""))})`] : [];
    return [name, ...(form === "primitive" ? ["undefined"] : []), ...path];
  });
  return [
    `return (${sources.map((source) => source.js).join(", ")}) => {`,
    "size = 0; depth = 0;",
    `begin(${sources[0]?.js});`,
    ...made,
    ...(unit.traced ? [`traceInto(${targets[0]?.js});`] : []),
    `${js}(${args.join(", ")});`,
    `return [${targets.map((target) => (target.form === "cell" ? `${target.js}.value` : target.js)).join(", ")}];`,
    "};",
  ].join("\n");
}

function writeVariant(unit: Unit, name: string, body: string, entry: string): string {
  const constants = [...unit.constants].map(([code, js]) => `const ${js} = ${code};`);
  const code = [...constants, body, entry].join("\n");
  return [
    `export function ${name}(runtime) {`,
    `const { ${runtimeNames.join(", ")} } = runtime(${name}.sites, ${writeSlice(unit.typeSlice)});`,
    "let size = 0, depth = 0;",
    code,
    "}",
    `${name}.sites = [${[...unit.sites.keys()].join(",\n")}];`,
  ].join("\n");
}
