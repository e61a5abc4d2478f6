import type { ElementPath, Transform } from "./ast.ts";
import { emitExpression, type Value } from "./emit-evaluate.ts";
import type { TargetContext } from "./emit-make.ts";
import { lookUp } from "./emit-source.ts";
import { emitTransform } from "./emit-transform.ts";
import { type Expression, namesIn } from "./fhirpath-ast.ts";
import type { TargetWriter } from "./target-writer.ts";
import type { Bindings, Place } from "./unit.ts";

/** The value of a target's transform; `wanted` is what its element takes. */
export function emitValue(
  { place, writer, self }: TargetContext,
  transform: Transform,
  bindings: Bindings,
  wanted: { readonly types: readonly string[]; readonly path: string },
): Value | undefined {
  const { position } = transform;
  switch (transform.kind) {
    case "literal":
      return emitExpression(transform.literal, place, new Map(), self);
    case "expression":
      flushIfRead(writer, bindings, transform.expression);
      return emitExpression(transform.expression, place, bindings, self);
    case "call":
      for (const arg of transform.args) {
        flushIfRead(writer, bindings, arg);
      }
      return emitTransform(transform.name, {
        place,
        bindings,
        args: transform.args,
        expected: wanted.types,
        position,
        targetPath: wanted.path,
      });
    case "copy":
      return emitCopy(place, writer, bindings, transform.path);
  }
}

// an expression that reads what the rule is making must see it made
function flushIfRead(writer: TargetWriter, bindings: Bindings, expression: Expression): void {
  if (namesIn(expression).some(({ name }) => bindings.get(name)?.mode === "target")) {
    writer.flush();
  }
}

function emitCopy(
  place: Place,
  writer: TargetWriter,
  bindings: Bindings,
  path: ElementPath,
): Value | undefined {
  const binding = lookUp(place, bindings, path.context);
  if (binding === undefined) {
    return undefined;
  }
  if (path.elements.length > 0 || binding.constant !== undefined) {
    const expression = path.elements.reduce<Expression>(
      (target, { text, position }) => ({ kind: "member", target, name: text, position }),
      { kind: "member", name: path.context.text, position: path.context.position },
    );
    return emitExpression(expression, place, bindings, binding);
  }
  if (binding.mode === "target") {
    writer.flush();
  }
  const { js, form, type } = binding;
  return form === "cell"
    ? { js: `${js}.value`, form: "raw", type, certain: false }
    : { js, form, type, certain: form === "raw" };
}
