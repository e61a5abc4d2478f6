import type { Expression } from "./fhirpath-ast.ts";
import type { Scope } from "./fhirpath-node.ts";
import { truth } from "./fhirpath-singleton.ts";

type Side = (wanted: boolean) => boolean;
type Test = (left: Side, right: Side) => boolean;

// FHIRPath 2.0 section 6.5: when each operator is true, and when it is false; the right side is asked if it matters
const logic: ReadonlyMap<string, readonly [isTrue: Test, isFalse: Test]> = new Map([
  ["and", [(a, b) => a(true) && b(true), (a, b) => a(false) || b(false)]],
  ["or", [(a, b) => a(true) || b(true), (a, b) => a(false) && b(false)]],
  ["implies", [(a, b) => a(false) || b(true), (a, b) => a(true) && b(false)]],
  [
    "xor",
    [
      (a, b) => (a(true) && b(false)) || (a(false) && b(true)),
      (a, b) => (a(true) && b(true)) || (a(false) && b(false)),
    ],
  ],
]);

/** Whether an expression is true, or false, as is wanted; reads no more than that takes. */
export function decides(expression: Expression, wanted: boolean, scope: Scope): boolean {
  const tests = expression.kind === "binary" ? logic.get(expression.operator) : undefined;
  if (expression.kind === "binary" && tests !== undefined) {
    const side = (operand: Expression) => (value: boolean) => decides(operand, value, scope);
    return tests[wanted ? 0 : 1](side(expression.left), side(expression.right));
  }
  if (expression.kind === "call" && expression.name === "not" && expression.target !== undefined) {
    return decides(expression.target, !wanted, scope);
  }
  return truth(scope.types, scope.evaluate(expression, {})) === wanted;
}
