import type { Target } from "./ast.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { type Node, systemType } from "./fhirpath-node.ts";
import { fail, isResource, newOutput, type Run, type Variable } from "./interpreter-run.ts";
import { OutputNode, viewOf } from "./output-tree.ts";
import { type Variant, variantFor } from "./runtime-targets.ts";
import { checkedTime } from "./runtime-values.ts";
import { choiceProperty, findElement, type ResolvedElement, systemTypeOf } from "./types.ts";

/** A place in the output: an element of a node, with what the types tell of it. */
export interface Slot {
  readonly owner: OutputNode;
  readonly name: string;
  readonly element: ResolvedElement;
}

const anyElement = (property: string): ResolvedElement => ({ property, types: [], array: false, min: 0 });

/** The place of an element that a rule names. */
export function slotOf({ linked }: Run, owner: OutputNode, name: string): Slot {
  const type = owner.isPrimitive ? "Element" : owner.type;
  const definition = type === undefined ? undefined : linked.types.get(type);
  return { owner, name, element: (definition && findElement(definition, name)) ?? anyElement(name) };
}

/** The type that `create` names, else the only one that an element has. */
export function createdType(
  run: Run,
  args: readonly Expression[],
  types: readonly string[],
): string | undefined {
  const [named] = args;
  if (named?.kind !== "literal") {
    return types[0];
  }
  const name = String(named.value);
  return [name, ...run.linked.models.map(({ url }) => `${url}#${name}`)].find((type) =>
    run.linked.types.has(type),
  );
}

/** Makes an element, or finds the one that a rule goes on with. */
export function child(
  run: Run,
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
    const known = run.shared.get(id);
    if (known?.parent === owner && viewIsFilled(run, known.output)) {
      return known.output;
    }
    const output = newOutput(run.linked, type);
    owner.add(key, output, array);
    run.shared.set(id, { parent: owner, output });
    return output;
  }
  const [first] = existing;
  const reuses = !array || mode === "single" || mode === "collate";
  if (first !== undefined && reuses && !first.isPrimitive) {
    return first;
  }
  const output = newOutput(run.linked, type);
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

/** Writes a value where its type belongs. */
export function put(run: Run, node: Node, { owner, element }: Slot, { listMode }: Target): Variable {
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
  const found = variantFor(variantsOf(run, element), node, systemType(run.linked.types, node));
  if (found === undefined) {
    return fail(run, "wrong-type", node.type ?? typeof node.value);
  }
  const [type, key] = found;
  const output = newOutput(run.linked, type, checked(run, node, type));
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

/** A value that is fit for a type: its dates are in the calendar. */
export function checked(run: Run, node: Node, type: string): unknown {
  return timed.has(type) && node.value !== undefined
    ? checkedTime(type, node.value, (kind) => fail(run, "bad-value", kind))
    : node.value;
}
