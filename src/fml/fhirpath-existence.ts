import type { Expression } from "./fhirpath-ast.ts";
import { decides } from "./fhirpath-condition.ts";
import { distinctNodes, includes } from "./fhirpath-equality.ts";
import { bool, integer, type Node, type PathFunction, type Scope } from "./fhirpath-node.ts";
import { truth } from "./fhirpath-singleton.ts";

type Nodes = readonly Node[];

/** Whether the criterion is true for an item; empty counts as false. */
export function meets(criterion: Expression | undefined, node: Node, index: number, scope: Scope): boolean {
  return criterion === undefined || decides(criterion, true, { ...scope, self: [node], index });
}

const plain = (run: (input: Nodes, scope: Scope) => Nodes): PathFunction => ({
  min: 0,
  max: 0,
  run: (input, _args, scope) => run(input, scope),
});

const subset = (a: Nodes, b: Nodes, { types }: Scope) => a.every((node) => includes(types, b, node));

// arguments that are collections are evaluated where the call stands, not on its input
const withOther = (run: (input: Nodes, other: Nodes, scope: Scope) => Nodes): PathFunction => ({
  min: 1,
  max: 1,
  run: (input, [other], scope) => run(input, other === undefined ? [] : scope.evaluate(other, {}), scope),
});

/** FHIRPath 2.0 section 5.1. */
export const existenceFunctions: Readonly<Record<string, PathFunction>> = {
  empty: plain((input) => bool(input.length === 0)),
  not: plain((input, { types }) => {
    const value = truth(types, input);
    return bool(value === undefined ? undefined : !value);
  }),
  exists: {
    min: 0,
    max: 1,
    run: (input, [criterion], scope) => bool(input.some((node, i) => meets(criterion, node, i, scope))),
  },
  all: {
    min: 1,
    max: 1,
    run: (input, [criterion], scope) => bool(input.every((node, i) => meets(criterion, node, i, scope))),
  },
  allTrue: plain((input) => bool(input.every(({ value }) => value === true))),
  anyTrue: plain((input) => bool(input.some(({ value }) => value === true))),
  allFalse: plain((input) => bool(input.every(({ value }) => value === false))),
  anyFalse: plain((input) => bool(input.some(({ value }) => value === false))),
  subsetOf: withOther((input, other, scope) => bool(subset(input, other, scope))),
  supersetOf: withOther((input, other, scope) => bool(subset(other, input, scope))),
  count: plain((input) => integer(input.length)),
  distinct: plain((input, { types }) => distinctNodes(types, input)),
  isDistinct: plain((input, { types }) => bool(distinctNodes(types, input).length === input.length)),
  union: withOther((input, other, { types }) => distinctNodes(types, [...input, ...other])),
  combine: withOther((input, other) => [...input, ...other]),
  intersect: withOther((input, other, { types }) =>
    distinctNodes(
      types,
      input.filter((node) => includes(types, other, node)),
    ),
  ),
  exclude: withOther((input, other, { types }) => input.filter((node) => !includes(types, other, node))),
};
