import { emitExpression, type Value } from "./emit-evaluate.ts";
import { lookUp } from "./emit-source.ts";
import type { TransformCall } from "./transform-call.ts";
import { type Binding, report, sourceBinding } from "./unit.ts";

/** A parameter: a literal or a variable, as the grammar has it. */
export function argument(call: TransformCall, index: number): Value | undefined {
  const { place, bindings, args } = call;
  const arg = args[index];
  if (arg === undefined) {
    return undefined;
  }
  const isVariable = arg.kind === "member" && arg.target === undefined;
  if (arg.kind !== "literal" && arg.kind !== "constant" && !isVariable) {
    report(
      place,
      "unsupported",
      "a transform takes literals and variables; use evaluate() or (…)",
      arg.position,
    );
    return undefined;
  }
  const binding = isVariable
    ? lookUp(place, bindings, { text: arg.name, position: arg.position })
    : undefined;
  if (isVariable && binding === undefined) {
    return undefined;
  }
  return (binding && rawValue(binding)) ?? emitExpression(arg, place, bindings, nothing);
}

function rawValue({ js, form, type, constant }: Binding): Value | undefined {
  if (constant !== undefined || form === "node") {
    return undefined;
  }
  return { js: form === "cell" ? `${js}.value` : js, form: "raw", type, certain: form === "raw" };
}

// a literal or a variable never looks at $this
const nothing = sourceBinding({ name: "$this", js: "undefined", form: "node", type: undefined, path: "" });

/** The text of a literal parameter; anything else is a problem. */
export function literalText(call: TransformCall, index: number, what: string): string | undefined {
  const arg = call.args[index];
  if (arg === undefined) {
    return undefined;
  }
  if (arg.kind !== "literal" || arg.type !== "String") {
    report(call.place, "type", `${what} must be a string literal`, arg.position);
    return undefined;
  }
  return String(arg.value);
}
