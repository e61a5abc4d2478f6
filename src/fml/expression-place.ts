import type { Code } from "./code.ts";
import type { Expression } from "./fhirpath-ast.ts";
import type { Binding, Bindings, Place } from "./unit.ts";

/** Where an expression stands: its variables, and `$this` as a variable of its own. */
export interface ExpressionPlace {
  readonly place: Place;
  readonly bindings: Bindings;
  readonly self: Binding;
  /** the variables that the expression reads; filled while it compiles */
  readonly used: Set<Binding>;
  compile(expression: Expression, self?: Binding): Code;
}
