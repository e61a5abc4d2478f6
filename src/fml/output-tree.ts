import type { Node } from "./fhirpath-node.ts";
import { copy } from "./runtime-targets.ts";

/**
 * What the interpreter builds: one node for each target element, primitives too, so that a primitive's id and
 * extensions are ordinary children. `json` holds a value taken over whole.
 */
export class OutputNode {
  readonly type: string | undefined;
  readonly isPrimitive: boolean;
  readonly children = new Map<
    string,
    { array: boolean; items: OutputNode[]; lasts: number; firsts: number }
  >();
  json: unknown;

  constructor(type: string | undefined, isPrimitive: boolean, json?: unknown) {
    this.type = type;
    this.isPrimitive = isPrimitive;
    this.json = json;
  }

  /** Adds a child by the list mode of its rule. */
  add(name: string, child: OutputNode, array: boolean, mode?: string): void {
    const list = this.children.get(name) ?? { array, items: [], lasts: 0, firsts: 0 };
    this.children.set(name, list);
    if (!array) {
      list.items = [child];
    } else if (mode === "first") {
      list.items.splice(list.firsts, 0, child);
      list.firsts += 1;
    } else if (mode === "last") {
      list.items.push(child);
      list.lasts += 1;
    } else {
      list.items.splice(list.items.length - list.lasts, 0, child);
    }
  }

  items(name: string): readonly OutputNode[] {
    return this.children.get(name)?.items ?? [];
  }
}

type Json = Record<string, unknown>;

/** The JSON of a node; undefined if nothing filled it. A resource has its `resourceType` whatever it holds. */
export function toJson(node: OutputNode, isResource: (type: string) => boolean): unknown {
  if (node.isPrimitive || (node.json !== undefined && node.children.size === 0)) {
    return node.json;
  }
  const made: Json = { ...(copy(node.json) as Json | undefined) };
  if (node.type !== undefined && isResource(node.type)) {
    made["resourceType"] = node.type;
  }
  for (const [name, { array, items }] of node.children) {
    writeChild(made, name, items, { array, isResource });
  }
  return Object.keys(made).length === 0 ? undefined : made;
}

interface Shape {
  readonly array: boolean;
  isResource(type: string): boolean;
}

function writeChild(
  made: Json,
  name: string,
  items: readonly OutputNode[],
  { array, isResource }: Shape,
): void {
  const pairs = items
    .map((item) => [toJson(item, isResource), companionOf(item, isResource)] as const)
    .filter(([value, companion]) => value !== undefined || companion !== undefined);
  if (pairs.length === 0) {
    return;
  }
  const hasValue = pairs.some(([value]) => value !== undefined);
  const hasCompanion = pairs.some(([, companion]) => companion !== undefined);
  const place = (values: readonly unknown[]) => (array ? values.map((value) => value ?? null) : values[0]);
  if (hasValue || (array && hasCompanion)) {
    made[name] = place(pairs.map(([value]) => value));
  }
  if (hasCompanion) {
    made[`_${name}`] = place(pairs.map(([, companion]) => companion));
  }
}

function companionOf(node: OutputNode, isResource: (type: string) => boolean): unknown {
  if (!node.isPrimitive || node.children.size === 0) {
    return undefined;
  }
  const parts = new OutputNode(undefined, false);
  for (const [name, list] of node.children) {
    parts.children.set(name, list);
  }
  return toJson(parts, isResource);
}

/** A FHIRPath node that shows what has been built so far. */
export function viewOf(node: OutputNode, isResource: (type: string) => boolean): Node {
  const element = companionOf(node, isResource) as Json | undefined;
  const value = toJson(node, isResource) ?? (node.isPrimitive ? undefined : {});
  return { type: node.type, value, ...(element === undefined ? {} : { element }) };
}
