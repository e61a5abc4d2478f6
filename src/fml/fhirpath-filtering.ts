import { FhirPathError } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { distinctNodes, includes } from "./fhirpath-equality.ts";
import { meets } from "./fhirpath-existence.ts";
import { maxItems, type Node, type PathFunction, type Scope } from "./fhirpath-node.ts";
import { single, truth } from "./fhirpath-singleton.ts";

type Nodes = readonly Node[];

function project(input: Nodes, projection: Expression | undefined, scope: Scope): Nodes {
  if (projection === undefined) {
    return [];
  }
  return input.flatMap((node, index) => scope.evaluate(projection, { self: [node], index }));
}

function repeat(input: Nodes, projection: Expression | undefined, scope: Scope): Nodes {
  const found: Node[] = [];
  let open = input;
  while (open.length > 0) {
    const next = project(open, projection, scope).filter((node) => !includes(scope.types, found, node));
    open = distinctNodes(scope.types, next);
    found.push(...open);
    if (found.length > maxItems / 10) {
      throw new FhirPathError("repeat found too many items");
    }
  }
  return found;
}

function aggregate(input: Nodes, [step, start]: readonly Expression[], scope: Scope): Nodes {
  let total = start === undefined ? [] : scope.evaluate(start, {});
  for (const [index, node] of input.entries()) {
    total = step === undefined ? total : scope.evaluate(step, { self: [node], index, total });
  }
  return total;
}

function count(argument: Expression | undefined, scope: Scope): number {
  const value = argument === undefined ? undefined : single(scope.evaluate(argument, {}))?.value;
  if (typeof value !== "number") {
    throw new FhirPathError("a whole number was expected");
  }
  return Math.max(0, value);
}

function iif(input: Nodes, [test, yes, no]: readonly Expression[], scope: Scope): Nodes {
  const self = single(input) === undefined ? {} : { self: input };
  const chosen = test !== undefined && truthOf(test, scope, self) === true ? yes : no;
  return chosen === undefined ? [] : scope.evaluate(chosen, self);
}

function truthOf(test: Expression, scope: Scope, change: Partial<Scope>): boolean | undefined {
  const nodes = scope.evaluate(test, change);
  if (nodes.length === 1 && typeof nodes[0]?.value !== "boolean") {
    throw new FhirPathError("iif wants a boolean");
  }
  return truth(scope.types, nodes);
}

const plain = (run: (input: Nodes) => Nodes): PathFunction => ({
  min: 0,
  max: 0,
  run: (input) => run(input),
});

/** FHIRPath 2.0 sections 5.2, 5.3 and 7.1; `iif` of 5.5 stands here because it evaluates its arguments itself. */
export const filteringFunctions: Readonly<Record<string, PathFunction>> = {
  where: {
    min: 1,
    max: 1,
    run: (input, [criterion], scope) => input.filter((node, i) => meets(criterion, node, i, scope)),
  },
  select: { min: 1, max: 1, run: (input, [projection], scope) => project(input, projection, scope) },
  repeat: { min: 1, max: 1, run: (input, [projection], scope) => repeat(input, projection, scope) },
  aggregate: { min: 1, max: 2, run: aggregate },
  iif: { min: 2, max: 3, run: iif },
  single: plain((input) => {
    const node = single(input);
    return node === undefined ? [] : [node];
  }),
  first: plain((input) => input.slice(0, 1)),
  last: plain((input) => input.slice(-1)),
  tail: plain((input) => input.slice(1)),
  skip: { min: 1, max: 1, run: (input, [amount], scope) => input.slice(count(amount, scope)) },
  take: { min: 1, max: 1, run: (input, [amount], scope) => input.slice(0, count(amount, scope)) },
};
