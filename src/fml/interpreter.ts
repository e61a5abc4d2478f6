import type { ElementPath, FmlMap, Name, Parameter, Rule, Source } from "./ast.ts";
import { isTrue, literalNode } from "./fhirpath.ts";
import type { Expression, Literal } from "./fhirpath-ast.ts";
import { childrenOf, type Node, nodeOf } from "./fhirpath-node.ts";
import { isOfType } from "./fhirpath-tree.ts";
import {
  evaluateFor,
  evaluationFor,
  fail,
  guarded,
  isResource,
  newOutput,
  nodeFor,
  type Run,
  type Variable,
  type Variables,
} from "./interpreter-run.ts";
import { writeTarget } from "./interpreter-targets.ts";
import { type Library, type LinkedGroup, link, resolveType } from "./linker.ts";
import { toJson } from "./output-tree.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { checkKind, checkRepeat, elementOf, type Shape } from "./source-shape.ts";

const maxDepth = 200;

/**
 * Runs a map by walking its tree, with nothing prepared: slow, and the standard that compiled maps are held to.
 * Throws MappingError where the map or FHIRPath calls for an error.
 */
export function interpret(
  map: FmlMap,
  library: Library,
  source: unknown,
  options: RuntimeOptions = {},
): unknown {
  const linked = link(map, library);
  const [first] = map.groups;
  const entry = first === undefined ? undefined : linked.groups.get(first.name.text);
  if (entry === undefined) {
    return undefined;
  }
  const typed = (parameter: Parameter | undefined) =>
    parameter?.type === undefined ? undefined : resolveType(linked, map, parameter.type);
  const [from, to] = (["source", "target"] as const).map((mode) =>
    entry.group.parameters.find((parameter) => parameter.mode === mode),
  );
  const root = nodeOf(typed(from), source);
  const output = newOutput(linked, typed(to));
  const position = entry.group.name.position;
  const run: Run = { linked, map, options, root, depth: 0, rule: "", position, shared: new Map() };
  checkKind(shapeFor(run), root, root.type);
  runGroup(run, entry, [{ node: root }, { output }]);
  return toJson(output, isResource(linked));
}

/** Runs a group on its arguments, the group that it extends first. */
function runGroup(outer: Run, { group, map }: LinkedGroup, args: readonly Variable[]): void {
  const run: Run = { ...outer, map, depth: outer.depth + 1, shared: new Map() };
  if (run.depth > maxDepth) {
    fail(
      { ...run, rule: "", position: group.name.position },
      "too-deep",
      `groups nested deeper than ${maxDepth}`,
    );
  }
  const base = group.extends === undefined ? undefined : run.linked.groups.get(group.extends.text);
  if (base !== undefined) {
    runGroup(run, base, args);
  }
  const variables = new Map<string, Variable>();
  for (const { name, value } of map.constants) {
    const [node] = evaluateFor(run, value, run.root, variables);
    variables.set(name.text, { node: node ?? { type: undefined, value: undefined } });
  }
  for (const [i, { name, mode, type }] of group.parameters.entries()) {
    const known = type === undefined ? undefined : resolveType(run.linked, map, type);
    const arg = args[i];
    variables.set(name.text, mode === "source" ? { node: typedAs(run, arg, known) } : (arg as Variable));
  }
  for (const rule of group.rules) {
    runRule(run, rule, variables);
  }
}

function typedAs(run: Run, arg: Variable | undefined, type: string | undefined): Node {
  const node = arg === undefined ? { type: undefined, value: undefined } : nodeFor(run, arg);
  return node.type === undefined && type !== undefined ? { ...node, type } : node;
}

function holds(run: Run, expression: Expression | undefined, self: Node, variables: Variables): boolean {
  return (
    expression === undefined || guarded(run, () => isTrue(expression, [self], evaluationFor(run, variables)))
  );
}

function runRule(outer: Run, rule: Rule, variables: Variables): void {
  const run: Run = { ...outer, rule: rule.name, position: rule.position };
  const each = (index: number, known: Variables, items: readonly Node[]): void => {
    const source = rule.sources[index];
    if (source === undefined) {
      runBody(run, rule, known, items);
      return;
    }
    for (const item of itemsOf(run, source, known)) {
      each(index + 1, withItem(known, source, item), [...items, item]);
    }
  };
  each(0, variables, []);
}

const withItem = (variables: Variables, { variable }: Source, node: Node): Variables =>
  variable === undefined ? variables : new Map([...variables, [variable.text, { node }]]);

// in the order of the decision record: type, cardinality, default, where, check, log, list mode
function itemsOf(run: Run, source: Source, variables: Variables): Iterable<Node> {
  const from = variables.get(source.context.text);
  const owner = from === undefined ? undefined : nodeFor(run, from);
  if (owner === undefined) {
    return [];
  }
  const all = typed(run, walk(run, owner, source.elements), source.type);
  const { cardinality, default: fallback, listMode } = source;
  return cardinality === undefined && fallback === undefined && listMode === undefined
    ? oneByOne(run, source, all, variables)
    : gathered(run, source, { owner, all: [...all] }, variables);
}

// of two errors the one that stands first is met
function* oneByOne(run: Run, source: Source, all: Iterable<Node>, variables: Variables): Iterable<Node> {
  for (const item of all) {
    if (isWanted(run, source, item, variables)) {
      checkItem(run, source, item, variables);
      yield item;
    }
  }
}

function gathered(
  run: Run,
  source: Source,
  { owner, all }: { readonly owner: Node; readonly all: readonly Node[] },
  variables: Variables,
): readonly Node[] {
  const { min, max } = source.cardinality ?? { min: 0, max: "*" };
  if (all.length < min || (max !== "*" && all.length > max)) {
    fail(run, "cardinality", `${min}..${max}`);
  }
  const given =
    all.length > 0 || source.default === undefined ? all : evaluateFor(run, source.default, owner, variables);
  const kept = given.filter((item) => isWanted(run, source, item, variables));
  for (const item of kept) {
    checkItem(run, source, item, variables);
  }
  return listed(run, kept, source.listMode);
}

const isWanted = (run: Run, source: Source, item: Node, variables: Variables) =>
  holds(run, source.where, item, withItem(variables, source, item));

function checkItem(run: Run, source: Source, item: Node, variables: Variables): void {
  if (!holds(run, source.check, item, withItem(variables, source, item))) {
    fail(run, "check-failed", "check");
  }
}

const shapeFor = (run: Run): Shape => ({
  types: run.linked.types,
  refuse: (code, kind) => fail(run, code, kind),
});

function* walk(run: Run, from: Node, [name, ...rest]: ElementPath["elements"]): Iterable<Node> {
  if (name === undefined) {
    yield from;
    return;
  }
  const shape = shapeFor(run);
  const element = elementOf(shape, from, name.text);
  checkRepeat(shape, from, element);
  for (const child of childrenOf(from, name.text, run.linked.types)) {
    checkKind(shape, child, element?.types[0], element?.isWire);
    yield* walk(run, child, rest);
  }
}

function* typed({ linked }: Run, nodes: Iterable<Node>, type: Name | undefined): Iterable<Node> {
  for (const node of nodes) {
    if (type === undefined || isOfType(linked.types, node, type.text)) {
      yield node;
    }
  }
}

function listed(run: Run, items: readonly Node[], mode: Source["listMode"]): readonly Node[] {
  switch (mode) {
    case "first":
      return items.slice(0, 1);
    case "not_first":
      return items.slice(1);
    case "last":
      return items.slice(-1);
    case "not_last":
      return items.slice(0, -1);
    case "only_one":
      return items.length > 1 ? fail(run, "cardinality", "several items") : items;
    default:
      return items;
  }
}

function runBody(run: Run, rule: Rule, variables: Variables, items: readonly Node[]): void {
  const [self] = items;
  if (self === undefined) {
    return;
  }
  let known = variables;
  for (const target of rule.targets) {
    known = writeTarget({ run, rule, self, runGroup }, target, known);
  }
  for (const { group, args } of rule.dependents) {
    const linked = run.linked.groups.get(group.text);
    const values = args.map((arg) => argumentFor(arg, known));
    if (linked !== undefined && !values.includes(undefined)) {
      runGroup(
        run,
        linked,
        values.filter((value) => value !== undefined),
      );
    }
  }
  for (const inner of rule.rules) {
    runRule(run, inner, known);
  }
}

function argumentFor(arg: Name | Literal, variables: Variables): Variable | undefined {
  return "text" in arg ? variables.get(arg.text) : { node: literalNode(arg) };
}
