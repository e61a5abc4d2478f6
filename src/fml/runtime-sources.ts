import type { MappingFailure } from "./errors.ts";
import { childrenOf, isObject, type Node, nodeOf } from "./fhirpath-node.ts";
import { isOfType } from "./fhirpath-tree.ts";
import { checkedTime, kindOf } from "./runtime-values.ts";
import type { TypeTable } from "./types.ts";

/** Ends a conversion at one of a module's places. */
export type Fail = (code: MappingFailure, site: number, kind: string, cause?: unknown) => never;

type Source = Readonly<Record<string, unknown>>;

/** What generated code reads a source with. */
export function sourceLibrary(types: TypeTable, fail: Fail) {
  return {
    node: nodeOf,
    isObject,
    kindOf,
    ...shapes(fail),
    children: (node: Node, name: string) => childrenOf(node, name, types),
    items: (owner: unknown, name: string) =>
      childrenOf(nodeOf(undefined, owner), name, types).map(({ value }) => value),
    isNodeOf: (node: Node, type: string) => isOfType(types, node, type),
    isOf: (value: unknown, type: string) =>
      isObject(value) ? value["resourceType"] === type : isOfType(types, nodeOf(undefined, value), type),
    choice(owner: Source, variants: readonly (readonly [string, string])[]): Node | undefined {
      for (const [property, type] of variants) {
        const [value, element] = [owner[property], owner[`_${property}`]];
        if ((value !== undefined && value !== null) || isObject(element)) {
          return nodeOf(type, value ?? undefined, isObject(element) ? element : undefined);
        }
      }
      return undefined;
    },
    listed(items: readonly unknown[], mode: string, site: number): readonly unknown[] {
      if (mode === "only_one" && items.length > 1) {
        return fail("cardinality", site, "several items");
      }
      const [start, end] = listRanges[mode] ?? [0, undefined];
      return items.slice(start, end);
    },
  };
}

// what is read is held to its model; `kind` is a JSON kind
function shapes(fail: Fail) {
  const isKind = (value: unknown, kind: string) =>
    kind === "object" ? isObject(value) : typeof value === kind;
  const array = (value: unknown, site: number): readonly unknown[] => {
    if (value === undefined || value === null) {
      return [];
    }
    return Array.isArray(value) ? value : fail("wrong-type", site, `${kindOf(value)} in place of an array`);
  };
  const kind = (value: unknown, wanted: string, site: number) =>
    value === undefined || value === null || isKind(value, wanted)
      ? value
      : fail("wrong-type", site, kindOf(value));
  const dateOf = (value: unknown, type: string, site: number) =>
    value === undefined || value === null
      ? value
      : checkedTime(type, value, (found) => fail("bad-value", site, found));
  return {
    array,
    kind,
    dateOf,
    dates: (value: unknown, type: string, site: number): readonly unknown[] =>
      array(value, site).filter((item) => dateOf(item, type, site) != null),
    list(value: unknown, wanted: string, site: number): readonly unknown[] {
      const items = array(value, site);
      return items.every((item) => isKind(item, wanted))
        ? items
        : items.filter((item) => kind(item, wanted, site) != null);
    },
  };
}

const listRanges: Readonly<Record<string, readonly [number, number | undefined]>> = {
  first: [0, 1],
  not_first: [1, undefined],
  last: [-1, undefined],
  not_last: [0, -1],
};
