import { booleanCode, type Code, certainCode, dynamic, existsOf } from "./code.ts";
import { compileCall } from "./emit-functions.ts";
import { compileBinary } from "./emit-operators.ts";
import type { ExpressionPlace } from "./expression-place.ts";
import type { Expression, Literal, Member } from "./fhirpath-ast.ts";
import { isOfType } from "./fhirpath-tree.ts";
import { elementAt, type StaticElement } from "./static-type.ts";
import { isSubtype, isTimed } from "./types.ts";
import { type Binding, type Bindings, newName, type Place, property, quote, report, site } from "./unit.ts";

/** Compiles an expression and reports what is wrong with it; `used` lists the variables that it reads. */
export function compileExpression(
  expression: Expression,
  place: Place,
  bindings: Bindings,
  self: Binding,
): Code & { readonly used: readonly Binding[] } {
  const used = new Set<Binding>();
  const at = (own: Binding): ExpressionPlace => ({
    place,
    bindings,
    self: own,
    used,
    compile: (inner, changed = own) => compileKind(inner, at(changed)),
  });
  return { ...compileKind(expression, at(self)), used: [...used] };
}

function compileKind(expression: Expression, at: ExpressionPlace): Code {
  switch (expression.kind) {
    case "literal":
      return literalCode(expression);
    case "empty":
      return { types: [], many: false, js: "undefined", when: "false", unless: "false" };
    case "member":
      return compileMember(expression, at);
    case "call":
      return compileCall(expression, at);
    case "special":
      return expression.name === "this" ? bindingCode(at.self) : dynamic(undefined);
    case "constant":
      return compileConstant(expression.name, at, expression);
    case "index": {
      at.compile(expression.index);
      return dynamic(at.compile(expression.target).types, false);
    }
    case "unary": {
      const { types } = at.compile(expression.operand);
      return dynamic(types, false);
    }
    case "binary":
      return compileBinary(expression, at);
    case "type":
      return compileTypeOperator(expression, at);
  }
}

function compileTypeOperator(expression: Extract<Expression, { kind: "type" }>, at: ExpressionPlace): Code {
  const { types } = at.compile(expression.operand);
  if (expression.operator === "as") {
    return dynamic([expression.type], false);
  }
  const { types: table } = at.place.unit.linked;
  const [only, ...more] = types ?? [];
  if (
    only !== undefined &&
    more.length === 0 &&
    isOfType(table, { type: only, value: undefined }, expression.type)
  ) {
    const exists = existsOf(at.compile(expression.operand));
    return exists === undefined ? dynamic(["System.Boolean"], false) : booleanCode(exists, "false");
  }
  return dynamic(["System.Boolean"], false);
}

function literalCode({ type, value, position: _ }: Literal): Code {
  if (type === "String" || type === "Integer") {
    return certainCode(`System.${type}`, typeof value === "string" ? quote(value) : String(value));
  }
  if (type === "Boolean") {
    return booleanCode(String(value), String(value !== true), true);
  }
  return dynamic([`System.${type}`], false);
}

/** The code of a variable. */
function bindingCode({ js, form, type, choices }: Binding): Code {
  if (form === "node") {
    return dynamic(type === undefined ? choices : [type], false);
  }
  if (form === "cell") {
    return { types: type === undefined ? undefined : [type], many: false, js: `${js}.value` };
  }
  if (type === undefined) {
    return dynamic(undefined, false);
  }
  const exists = form === "primitive" ? { exists: `(${js} != null || ${js}_ != null)` } : { certain: true };
  return { types: [type], many: false, js, ...exists };
}

const wellKnown = new Set(["sct", "loinc", "ucum"]);

function compileConstant(name: string, at: ExpressionPlace, expression: Expression): Code {
  const binding = at.bindings.get(name);
  if (binding !== undefined) {
    return useBinding(binding, at);
  }
  if (name === "resource" || name === "context" || name === "rootResource") {
    return dynamic(undefined, false);
  }
  if (!wellKnown.has(name) && !/^(vs|ext)-/.test(name)) {
    report(at.place, "unknown-variable", `no variable is named ${name}`, expression.position);
  }
  return dynamic(["System.String"], false);
}

function useBinding(binding: Binding, at: ExpressionPlace): Code {
  at.used.add(binding);
  return binding.constant === undefined ? bindingCode(binding) : at.compile(binding.constant);
}

function compileMember(member: Member, at: ExpressionPlace): Code {
  if (member.target !== undefined) {
    return step(at, at.compile(member.target), member);
  }
  const binding = at.bindings.get(member.name);
  if (binding !== undefined) {
    return useBinding(binding, at);
  }
  const { type } = at.self;
  const { types } = at.place.unit.linked;
  if (type !== undefined && (isSubtype(types, type, member.name) || type.endsWith(`#${member.name}`))) {
    return bindingCode(at.self);
  }
  return step(at, bindingCode(at.self), member);
}

function step(at: ExpressionPlace, owner: Code, { name, position }: Member): Code {
  const { types } = at.place.unit.linked;
  const known = owner.types?.filter((type) => types.get(type)?.kind !== "primitive") ?? [];
  if (owner.types !== undefined && owner.types.length > 0 && known.length === 0) {
    return stepIntoPrimitive(at, owner, { kind: "member", name, position });
  }
  if (known.length !== 1) {
    return dynamic(undefined);
  }
  const element = elementAt(at.place, known[0], { text: name, position });
  return element === undefined || !element.known ? dynamic(undefined) : pathCode(at, owner, element);
}

function stepIntoPrimitive(at: ExpressionPlace, owner: Code, { name, position }: Member): Code {
  if (name === "value") {
    return owner;
  }
  if (name !== "id" && name !== "extension") {
    report(at.place, "unknown-element", `a primitive has no element ${name}`, position);
  }
  return dynamic(name === "extension" ? ["Extension"] : ["string"]);
}

function pathCode(at: ExpressionPlace, owner: Code, element: StaticElement): Code {
  const { types, array, choice, companion } = element;
  // arrays of FHIR primitives have holes where only an extension stands
  if (owner.js === undefined || choice || (array && companion)) {
    return dynamic(types, owner.many || array);
  }
  if (owner.many) {
    const item = newName(at.place.unit, "e");
    const read = readCode(at, element, property(item, element.property, true));
    const mapped = `(${owner.js} ?? none).flatMap((${item}) => ${read} ?? none)`;
    return companion ? dynamic(types, true) : { types, many: true, js: mapped };
  }
  const bare = property(owner.js, element.property, owner.certain !== true);
  const js = readCode(at, element, bare);
  if (array) {
    return { types, many: true, js };
  }
  const beside = property(owner.js, `_${element.property}`, owner.certain !== true);
  return {
    types,
    many: false,
    js,
    ...(companion ? { exists: `(${js} != null || ${beside} != null)` } : {}),
  };
}

// what is read on the way of an expression is held to the model as what a rule's source reads
function readCode(at: ExpressionPlace, { types, array, companion }: StaticElement, js: string): string {
  const [type = ""] = types;
  const definition = at.place.unit.linked.types.get(type);
  if (!companion && isTimed(type)) {
    return `${array ? "dates" : "dateOf"}(${js}, "${type}", ${site(at.place, at.self.path, "")})`;
  }
  const kind = definition?.kind === "primitive" ? definition.json : definition && "object";
  const check = array ? "list" : "kind";
  return kind === undefined ? js : `${check}(${js}, "${kind}", ${site(at.place, at.self.path, "")})`;
}
