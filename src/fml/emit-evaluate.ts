import { conditionsOf } from "./code.ts";
import { compileExpression } from "./emit-expression.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { sliceTypes } from "./type-slice.ts";
import { type Binding, type Bindings, constant, nodeCode, type Place, quote, site } from "./unit.ts";

/** A value that a rule writes. `type` is undefined if only the document tells it. */
export interface Value {
  readonly js: string;
  readonly form: "raw" | "primitive" | "node";
  readonly type: string | undefined;
  /** never absent */
  readonly certain: boolean;
}

/** A call of the evaluator: `evaluate` for the items, `holds` for whether it is true. The expression becomes a constant of the module, its variables are handed over. */
function evaluatorCall(
  name: "evaluate" | "holds",
  expression: Expression,
  place: Place,
  { self, visible }: { readonly self: Binding; readonly visible: readonly Binding[] },
): string {
  sliceTypes(place.unit, expression, [self, ...visible]);
  const tree = constant(place.unit, "E", treeText(expression, visible));
  const variables = visible.filter((binding) => binding.constant === undefined);
  const entries = variables.map((variable) => `[${quote(variable.name)}, [${nodeCode(variable)}]]`);
  const map = entries.length === 0 ? "noVariables" : `new Map([${entries.join(", ")}])`;
  return `${name}(${tree}, ${nodeCode(self)}, ${map}, ${site(place, self.path, "")})`;
}

// constants of the map are written into the expressions that read them
function treeText(expression: Expression, visible: readonly Binding[]): string {
  const constants = new Map(
    visible.flatMap(({ name, constant: value }) => (value === undefined ? [] : [[name, value]])),
  );
  return JSON.stringify(expression, (_key, node: unknown) => {
    const { kind, name, target } = (node ?? {}) as { kind?: string; name?: string; target?: unknown };
    const isName = kind === "constant" || (kind === "member" && target === undefined);
    const value = isName && name !== undefined ? constants.get(name) : undefined;
    return value ?? node;
  });
}

/** A condition in JavaScript that holds if the expression is true. */
export function emitCondition(
  expression: Expression,
  place: Place,
  bindings: Bindings,
  self: Binding,
): string {
  const code = compileExpression(expression, place, bindings, self);
  return conditionsOf(code)?.when ?? evaluatorCall("holds", expression, place, { self, visible: code.used });
}

/** The value of an expression that makes at most one item. */
export function emitExpression(
  expression: Expression,
  place: Place,
  bindings: Bindings,
  self: Binding,
): Value {
  const code = compileExpression(expression, place, bindings, self);
  const [type, ...more] = code.types ?? [];
  if (code.js !== undefined && !code.many && more.length === 0) {
    return { js: code.js, form: "raw", type, certain: code.certain === true };
  }
  const call = evaluatorCall("evaluate", expression, place, { self, visible: code.used });
  const known = more.length === 0 ? type : undefined;
  return { js: `one(${call}, ${site(place, self.path, "")})`, form: "node", type: known, certain: false };
}
