import type { ElementPath, Rule, Target, Transform } from "./ast.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { type Node, systemType } from "./fhirpath-node.ts";
import { single } from "./fhirpath-operators.ts";
import {
  evaluateFor,
  fail,
  isResource,
  newOutput,
  nodeFor,
  type Run,
  type Variable,
  type Variables,
} from "./interpreter-run.ts";
import { transformValue } from "./interpreter-transforms.ts";
import { type LinkedGroup, resolveType } from "./linker.ts";
import { OutputNode, viewOf } from "./output-tree.ts";
import { type Variant, variantFor } from "./runtime-targets.ts";
import { checkedTime } from "./runtime-values.ts";
import { choiceProperty, findElement, isSubtype, type ResolvedElement, systemTypeOf } from "./types.ts";

interface At {
  readonly run: Run;
  readonly rule: Rule;
  readonly self: Node;
  runGroup(run: Run, group: LinkedGroup, args: readonly Variable[]): void;
}

/** A place in the output: an element of a node, with what the types tell of it. */
interface Slot {
  readonly owner: OutputNode;
  readonly name: string;
  readonly element: ResolvedElement;
}

const anyElement = (property: string): ResolvedElement => ({ property, types: [], array: false, min: 0 });

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
    return { output: newOutput(at.run.linked, createdType(at, transform.args, [])) };
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
    owner = child(at, slotOf(at.run, owner, text), undefined);
  }
  return element(at, target, slotOf(at.run, owner, last.text), variables);
}

function whole(at: At, { transform }: Target, from: { output: OutputNode }, variables: Variables): Variable {
  const node = transform && transformed(at, transform, variables, [from.output.type ?? ""]);
  if (node !== undefined) {
    from.output.json = checked(at, node, from.output.type ?? "");
  }
  return from;
}

function slotOf({ linked }: Run, owner: OutputNode, name: string): Slot {
  const type = owner.isPrimitive ? "Element" : owner.type;
  const definition = type === undefined ? undefined : linked.types.get(type);
  return { owner, name, element: (definition && findElement(definition, name)) ?? anyElement(name) };
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
    const type = createdType(at, transform?.args ?? [], slot.element.types);
    return { output: child(at, slot, type, target) };
  }
  const node = transformed(at, transform, variables, slot.element.types);
  return node === undefined ? undefined : put(at, node, slot, target);
}

const isSimple = ({ sources, targets, dependents, rules }: Rule) =>
  sources.length === 1 &&
  targets.length === 1 &&
  dependents.length + rules.length === 0 &&
  targets[0]?.path?.elements.length === 1;

function createdType({ run }: At, args: readonly Expression[], types: readonly string[]): string | undefined {
  const [named] = args;
  if (named?.kind !== "literal") {
    return types[0];
  }
  const name = String(named.value);
  return [name, ...run.linked.models.map(({ url }) => `${url}#${name}`)].find((type) =>
    run.linked.types.has(type),
  );
}

// makes an element, or finds the one that a rule goes on with
function child(
  at: At,
  { owner, name, element: { choice, property, array, types } }: Slot,
  created: string | undefined,
  target?: Target,
): OutputNode {
  const type = created ?? types[0];
  const key = choice === undefined || type === undefined ? property : choiceProperty(choice, type);
  const mode = target?.listMode;
  const existing = owner.items(key);
  if (mode === "share") {
    const id = JSON.stringify([target?.path?.context.text, name, target?.shareId]);
    const known = at.run.shared.get(id);
    if (known?.parent === owner && viewIsFilled(at.run, known.output)) {
      return known.output;
    }
    const output = newOutput(at.run.linked, type);
    owner.add(key, output, array);
    at.run.shared.set(id, { parent: owner, output });
    return output;
  }
  const [first] = existing;
  const reuses = !array || mode === "single" || mode === "collate";
  if (first !== undefined && reuses && !first.isPrimitive) {
    return first;
  }
  const output = newOutput(at.run.linked, type);
  owner.add(key, output, array, mode);
  return output;
}

const viewIsFilled = ({ linked }: Run, output: OutputNode) =>
  Object.keys(viewOf(output, isResource(linked)).value ?? {}).length > 0 || output.children.size > 0;

function variantsOf({ linked }: Run, { choice, property, types }: ResolvedElement): readonly Variant[] {
  return types.map((type) => [
    type,
    choice === undefined ? property : choiceProperty(choice, type),
    systemTypeOf(linked.types, type) ?? "",
  ]);
}

// writes a value where its type belongs
function put(at: At, node: Node, { owner, element }: Slot, { listMode }: Target): Variable {
  if (owner.isPrimitive && element.property === "value") {
    owner.json = node.value;
    return { output: owner };
  }
  if (element.types.length === 0) {
    const array = owner.children.has(element.property);
    const output = new OutputNode(node.type, typeof node.value !== "object", node.value);
    owner.add(element.property, output, array);
    const list = owner.children.get(element.property);
    owner.children.set(element.property, { array, items: list?.items ?? [], firsts: 0, lasts: 0 });
    return { output };
  }
  const found = variantFor(variantsOf(at.run, element), node, systemType(at.run.linked.types, node));
  if (found === undefined) {
    return fail(at.run, "wrong-type", node.type ?? typeof node.value);
  }
  const [type, key] = found;
  const output = newOutput(at.run.linked, type, checked(at, node, type));
  const { extension, id } = (node.element ?? {}) as { extension?: unknown[]; id?: unknown };
  for (const item of extension ?? []) {
    output.add("extension", new OutputNode("Extension", false, item), true);
  }
  if (id !== undefined) {
    output.add("id", new OutputNode("string", true, id), false);
  }
  owner.add(key, output, element.array, listMode);
  return { output };
}

const timed = new Set(["date", "dateTime", "instant", "time"]);

function checked({ run }: At, node: Node, type: string): unknown {
  return timed.has(type) && node.value !== undefined
    ? checkedTime(type, node.value, (kind) => fail(run, "bad-value", kind))
    : node.value;
}

// no transform and nothing after it: the group that maps the two types, or a copy
function byType(at: At, target: Target, slot: Slot): Variable {
  for (const group of at.run.linked.groups.values()) {
    const result = defaultResult(at, group, slot.element.types);
    if (result !== undefined) {
      const output = child(at, slot, result, target);
      at.runGroup(at.run, group, [{ node: at.self }, { output }]);
      return { output };
    }
  }
  return put(at, at.self, slot, target);
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
      return single(evaluateFor(run, transform.literal, self, variables));
    case "expression":
      return single(evaluateFor(run, transform.expression, self, variables));
    case "copy": {
      const from = variables.get(transform.path.context.text);
      const steps = transform.path.elements.reduce<Expression>(
        (target, { text, position }) => ({ kind: "member", target, name: text, position }),
        { kind: "special", name: "this", position: transform.position },
      );
      return from && single(evaluateFor(run, steps, nodeFor(run, from), variables));
    }
    case "call":
      return transformValue({ run, variables, transform, expected });
  }
}
