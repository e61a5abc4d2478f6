import type { ElementPath, Rule, Target, Transform } from "./ast.ts";
import type { Expression } from "./fhirpath-ast.ts";
import type { Node } from "./fhirpath-node.ts";
import { checked, child, createdType, put, type Slot, slotOf } from "./interpreter-elements.ts";
import { newOutput, nodeFor, type Run, singleFor, type Variable, type Variables } from "./interpreter-run.ts";
import { transformValue } from "./interpreter-transforms.ts";
import { type LinkedGroup, resolveType } from "./linker.ts";
import type { OutputNode } from "./output-tree.ts";
import { isSubtype } from "./types.ts";

interface At {
  readonly run: Run;
  readonly rule: Rule;
  readonly self: Node;
  runGroup(run: Run, group: LinkedGroup, args: readonly Variable[]): void;
}

/** Runs one target of a rule; returns the variables with the target's own. */
export function writeTarget(at: At, target: Target, variables: Variables): Variables {
  const { path, transform, variable } = target;
  const made =
    path === undefined ? freeValue(at, transform, variables) : written(at, target, path, variables);
  return made === undefined || variable === undefined
    ? variables
    : new Map([...variables, [variable.text, made]]);
}

function freeValue(at: At, transform: Transform | undefined, variables: Variables): Variable | undefined {
  if (transform?.kind === "call" && transform.name === "create") {
    return { output: newOutput(at.run.linked, createdType(at.run, transform.args, [])) };
  }
  const node = transform === undefined ? undefined : transformed(at, transform, variables, []);
  return node && { node };
}

function written(at: At, target: Target, path: ElementPath, variables: Variables): Variable | undefined {
  const from = variables.get(path.context.text);
  if (from === undefined || "node" in from) {
    return from;
  }
  const [last, ...before] = [...path.elements].reverse();
  if (last === undefined) {
    return whole(at, target, from, variables);
  }
  let owner = from.output;
  for (const { text } of before.reverse()) {
    owner = child(at.run, slotOf(at.run, owner, text), undefined);
  }
  return element(at, target, slotOf(at.run, owner, last.text), variables);
}

function whole(at: At, { transform }: Target, from: { output: OutputNode }, variables: Variables): Variable {
  const node = transform && transformed(at, transform, variables, [from.output.type ?? ""]);
  if (node !== undefined) {
    from.output.json = checked(at.run, node, from.output.type ?? "");
  }
  return from;
}

function element(at: At, target: Target, slot: Slot, variables: Variables): Variable | undefined {
  const { transform } = target;
  if (slot.owner.isPrimitive && slot.name === "value" && transform !== undefined) {
    return whole(at, target, { output: slot.owner }, variables);
  }
  if (transform === undefined && isSimple(at.rule)) {
    return byType(at, target, slot);
  }
  if (transform === undefined || (transform.kind === "call" && transform.name === "create")) {
    const type = createdType(at.run, transform?.args ?? [], slot.element.types);
    return { output: child(at.run, slot, type, target) };
  }
  const node = transformed(at, transform, variables, slot.element.types);
  return node === undefined ? undefined : put(at.run, node, slot, target);
}

const isSimple = ({ sources, targets, dependents, rules }: Rule) =>
  sources.length === 1 &&
  targets.length === 1 &&
  dependents.length + rules.length === 0 &&
  targets[0]?.path?.elements.length === 1;

// no transform and nothing after it: the group that maps the two types, or a copy
function byType(at: At, target: Target, slot: Slot): Variable {
  for (const group of at.run.linked.groups.values()) {
    const result = defaultResult(at, group, slot.element.types);
    if (result !== undefined) {
      const output = child(at.run, slot, result, target);
      at.runGroup(at.run, group, [{ node: at.self }, { output }]);
      return { output };
    }
  }
  return put(at.run, at.self, slot, target);
}

// the target type of a group that maps the item's type to one that the element takes
function defaultResult(
  { run, self }: At,
  { group, map }: LinkedGroup,
  into: readonly string[],
): string | undefined {
  const { linked } = run;
  const { typeMode, parameters } = group;
  const [source, result] = parameters.map(({ type }) => type && resolveType(linked, map, type));
  if (typeMode === undefined || parameters.length !== 2 || source === undefined || source !== self.type) {
    return undefined;
  }
  const isTaken = into.some((type) => result !== undefined && isSubtype(linked.types, result, type));
  return isTaken || (into.length === 0 && typeMode === "type+") ? result : undefined;
}

function transformed(
  at: At,
  transform: Transform,
  variables: Variables,
  expected: readonly string[],
): Node | undefined {
  const { run, self } = at;
  switch (transform.kind) {
    case "literal":
      return singleFor(run, transform.literal, self, variables);
    case "expression":
      return singleFor(run, transform.expression, self, variables);
    case "copy": {
      const from = variables.get(transform.path.context.text);
      const steps = transform.path.elements.reduce<Expression>(
        (target, { text, position }) => ({ kind: "member", target, name: text, position }),
        { kind: "special", name: "this", position: transform.position },
      );
      return from && singleFor(run, steps, nodeFor(run, from), variables);
    }
    case "call":
      return transformValue({ run, variables, transform, expected });
  }
}
