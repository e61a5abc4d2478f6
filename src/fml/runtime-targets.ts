import { isObject, type Node } from "./fhirpath-node.ts";

type Target = Record<string, unknown>;

/** A primitive in its two parts: the value and, apart from it, its id and extensions. */
export interface Primitive {
  readonly value: unknown;
  readonly element: unknown;
}

/** Adds to an array element, or sets a scalar one; absent values write nothing. */
function write(target: Target, key: string, value: unknown, array: boolean): void {
  if (value === undefined || value === null) {
    return;
  }
  const list = target[key];
  if (!array) {
    target[key] = value;
  } else if (Array.isArray(list)) {
    list.push(value);
  } else {
    target[key] = [value];
  }
}

/** Writes to an element that no model describes: a second value makes an array. Tells whether there was one to write. */
export function putUntyped(target: Target, key: string, value: unknown): boolean {
  write(target, key, value, target[key] !== undefined);
  const written = target[key];
  if (value !== undefined && written !== value && !Array.isArray(written)) {
    target[key] = [written, value];
  }
  return value !== undefined && value !== null;
}

/**
 * Writes a FHIR primitive with its id and extensions; holes keep the two arrays of a repeat in step. Tells whether there
 * was one to write.
 */
export function putPrimitive(
  target: Target,
  key: string,
  given: Primitive,
  list: boolean | Insertion,
): boolean {
  const value = given.value ?? undefined;
  const element =
    isObject(given.element) && Object.keys(given.element).length > 0 ? copy(given.element) : undefined;
  if (value === undefined && element === undefined) {
    return false;
  }
  if (list !== false && (element !== undefined || target[`_${key}`] !== undefined)) {
    putPair(target, key, { value, element }, list);
  } else if (typeof list === "object") {
    insert(target, key, value, list);
  } else {
    write(target, key, value, list);
    write(target, `_${key}`, element, list);
  }
  return true;
}

function putPair(target: Target, key: string, { value, element }: Primitive, list: true | Insertion): void {
  const values = listAt(target, key);
  const companions = listAt(target, `_${key}`);
  while (companions.length < values.length) {
    companions.push(null);
  }
  const at = list === true ? values.length : placeIn(target, key, values.length, list);
  values.splice(at, 0, value ?? null);
  companions.splice(at, 0, element ?? null);
}

function listAt(target: Target, key: string): unknown[] {
  const list = target[key];
  const known = Array.isArray(list) ? list : [];
  target[key] = known;
  return known;
}

type Order = Map<unknown, Map<string, { firsts: number; lasts: number }>>;

/** The list mode of a rule, and what the rules before it inserted. */
export interface Insertion {
  readonly mode: string;
  readonly order: Order;
  /** hears where an item came to stand */
  readonly placed?: (list: readonly unknown[], at: number) => void;
}

/** Inserts an item by the list mode of its rule. */
export function insert(target: Target, key: string, value: unknown, insertion: Insertion): void {
  if (target[`_${key}`] !== undefined) {
    putPair(target, key, { value, element: undefined }, insertion);
    return;
  }
  const list = listAt(target, key);
  list.splice(placeIn(target, key, list.length, insertion), 0, value);
}

// `first` stands before the rest, `last` after it, others between
function placeIn(target: Target, key: string, length: number, { mode, order, placed }: Insertion): number {
  const byKey = order.get(target) ?? new Map<string, { firsts: number; lasts: number }>();
  const counts = byKey.get(key) ?? { firsts: 0, lasts: 0 };
  order.set(target, byKey.set(key, counts));
  const at = mode === "first" ? counts.firsts : mode === "last" ? length : length - counts.lasts;
  counts.firsts += mode === "first" ? 1 : 0;
  counts.lasts += mode === "last" ? 1 : 0;
  placed?.(listAt(target, key), at);
  return at;
}

/** Whether a shared item still stands in its list; one that stayed empty has left it. */
export const has = (list: unknown, item: unknown) =>
  item !== undefined && Array.isArray(list) && list.includes(item);

/** Whether an object has no property. */
export function isEmpty(target: Target): boolean {
  for (const _ in target) {
    return false;
  }
  return true;
}

/** Takes an empty object out of its parent, and out of the order of its list. */
export function detach(target: Target, key: string, value: unknown, insertion?: Insertion): void {
  const list = target[key];
  const counts = insertion?.order.get(target)?.get(key);
  if (counts !== undefined) {
    counts.firsts -= insertion?.mode === "first" ? 1 : 0;
    counts.lasts -= insertion?.mode === "last" ? 1 : 0;
  }
  if (list === value) {
    delete target[key];
  } else if (Array.isArray(list)) {
    const at = list.lastIndexOf(value);
    if (at !== -1) {
      list.splice(at, 1);
    }
    if (list.length === 0) {
      delete target[key];
    }
  }
}

/** A deep copy of JSON, so that what a target gets can be changed without touching the source. */
export function copy<Value>(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(copy) as Value;
  }
  if (!isObject(value)) {
    return value;
  }
  const made: Target = {};
  for (const key of Object.keys(value)) {
    if (key !== "__proto__") {
      made[key] = copy(value[key]);
    }
  }
  return made as Value;
}

/** An object without its absent properties; undefined if none is left. */
export function compact(value: Target): Target | undefined {
  const made: Target = {};
  for (const [key, item] of Object.entries(value)) {
    const kept = Array.isArray(item) ? item.map((i) => (isObject(i) ? compact(i as Target) : i)) : item;
    const isGone = kept === undefined || kept === null || (Array.isArray(kept) && kept[0] === undefined);
    if (!isGone) {
      made[key] = kept;
    }
  }
  return isEmpty(made) ? undefined : made;
}

/** What an element of several types may take: its type, its JSON property, the System type of a primitive. */
export type Variant = readonly [type: string, property: string, system: string];

const candidates: Readonly<Record<string, readonly string[]>> = {
  String: ["string"],
  Boolean: ["boolean"],
  Integer: ["integer", "decimal"],
  Decimal: ["decimal"],
  Date: ["date", "dateTime"],
  DateTime: ["dateTime"],
  Time: ["time"],
  Quantity: ["Quantity"],
};

/** The variant that takes a node: of its own type, else of the FHIR type that its System type stands for. */
export function variantFor(
  variants: readonly Variant[],
  node: Node,
  system: string | undefined,
): Variant | undefined {
  const exact = variants.find(([type]) => type === node.type);
  if (exact !== undefined) {
    return exact;
  }
  const names = candidates[system ?? ""] ?? [];
  const usual = names
    .map((name) => variants.find(([type]) => type === name))
    .find((found) => found !== undefined);
  const [only, ...more] = variants.filter(([, , own]) => own !== "" && own === system);
  const one = more.length === 0 ? only : undefined;
  const timed = variants.length === 1 && system === "String" ? variants[0] : undefined;
  const isObjectFor = variants.length === 1 && system === undefined && variants[0]?.[2] === "";
  return usual ?? one ?? timed ?? (isObjectFor ? variants[0] : undefined);
}
