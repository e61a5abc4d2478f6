import type { FmlMap } from "./ast.ts";
import { FhirPathError, MappingError, type MappingFailure, type Position } from "./errors.ts";
import { type Evaluation, evaluate } from "./fhirpath.ts";
import type { Expression } from "./fhirpath-ast.ts";
import type { Node } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import type { Linked } from "./linker.ts";
import { OutputNode, viewOf } from "./output-tree.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { ShapeError } from "./source-shape.ts";

/** What a name stands for: an item of the source, or a part of the output. */
export type Variable = { readonly node: Node } | { readonly output: OutputNode };
export type Variables = ReadonlyMap<string, Variable>;

/** A run of the interpreter at one rule. */
export interface Run {
  readonly linked: Linked;
  readonly map: FmlMap;
  readonly options: RuntimeOptions;
  readonly root: Node;
  readonly depth: number;
  readonly rule: string;
  readonly position: Position;
  /** the latest shared targets of this call of a group, by parent's name, element and id */
  readonly shared: Map<string, { parent: OutputNode; output: OutputNode }>;
}

/** A new part of the output. */
export function newOutput({ types }: Linked, type: string | undefined, json?: unknown): OutputNode {
  return new OutputNode(type, type !== undefined && types.get(type)?.kind === "primitive", json);
}

/** Whether a type is a resource, whose JSON names it. */
export const isResource =
  ({ types }: Linked) =>
  (type: string) =>
    types.get(type)?.kind === "resource";

/** Ends the run at its present rule. */
export function fail(run: Run, code: MappingFailure, kind: string): never {
  const { map, position, rule } = run;
  throw new MappingError(code, { map: map.name, position, rule, sourcePath: "", targetPath: "" }, kind);
}

/** A variable as FHIRPath sees it. */
export function nodeFor({ linked }: Run, variable: Variable): Node {
  return "node" in variable ? variable.node : viewOf(variable.output, isResource(linked));
}

/** Evaluates an expression that makes at most one item. */
export const singleFor = (...args: Parameters<typeof evaluateFor>): Node | undefined =>
  guarded(args[0], () => single(evaluateFor(...args)));

/** Evaluates an expression with the map's variables. */
export function evaluateFor(
  run: Run,
  expression: Expression,
  self: Node,
  variables: Variables,
): readonly Node[] {
  return guarded(run, () => evaluate(expression, [self], evaluationFor(run, variables)));
}

/** What an expression of a map sees. */
export function evaluationFor(run: Run, variables: Variables): Evaluation {
  const nodes = new Map([...variables].map(([name, variable]) => [name, [nodeFor(run, variable)]]));
  const now = run.options.now?.() ?? new Date().toISOString();
  return { types: run.linked.types, variables: nodes, root: [run.root], now, holdsToModel: true };
}

/** Runs what may meet a wrong value of an expression. */
export function guarded<Result>(run: Run, evaluation: () => Result): Result {
  try {
    return evaluation();
  } catch (error) {
    if (error instanceof ShapeError) {
      return fail(run, error.code, error.message);
    }
    throw error instanceof FhirPathError ? fail(run, "expression", error.message) : error;
  }
}
