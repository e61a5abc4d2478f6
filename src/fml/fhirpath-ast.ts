import type { Position } from "./errors.ts";

export type LiteralType =
  | "String"
  | "Boolean"
  | "Integer"
  | "Decimal"
  | "Long"
  | "Date"
  | "DateTime"
  | "Time"
  | "Quantity";

/** `digits` keeps a decimal's written form: 1.50 has two places; `unit` belongs to quantities. */
export interface Literal {
  readonly kind: "literal";
  readonly type: LiteralType;
  readonly value: string | number | boolean;
  readonly unit?: string;
  readonly digits?: string;
  readonly position: Position;
}

export interface Member {
  readonly kind: "member";
  readonly target?: Expression;
  readonly name: string;
  readonly position: Position;
}

export interface Call {
  readonly kind: "call";
  readonly target?: Expression;
  readonly name: string;
  readonly args: readonly Expression[];
  readonly position: Position;
}

export interface Binary {
  readonly kind: "binary";
  readonly operator: string;
  readonly left: Expression;
  readonly right: Expression;
  readonly position: Position;
}

/** The expressions that an expression is made of. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "member":
      return expression.target === undefined ? [] : [expression.target];
    case "call":
      return expression.target === undefined ? expression.args : [expression.target, ...expression.args];
    case "binary":
      return [expression.left, expression.right];
    case "index":
      return [expression.target, expression.index];
    case "unary":
    case "type":
      return [expression.operand];
    default:
      return [];
  }
}

/** The names in an expression that may be those of variables: `name` and `%name`, not `.name`. */
export function namesIn(
  expression: Expression,
): readonly { readonly name: string; readonly position: Position }[] {
  const isName =
    expression.kind === "constant" || (expression.kind === "member" && expression.target === undefined);
  return [...(isName ? [expression] : []), ...partsOf(expression).flatMap(namesIn)];
}

/** FHIRPath 2.0 (normative): one node for each production that carries meaning. */
export type Expression =
  | Literal
  | Member
  | Call
  | Binary
  | { readonly kind: "empty"; readonly position: Position }
  | { readonly kind: "special"; readonly name: "this" | "index" | "total"; readonly position: Position }
  | { readonly kind: "constant"; readonly name: string; readonly position: Position }
  | {
      readonly kind: "index";
      readonly target: Expression;
      readonly index: Expression;
      readonly position: Position;
    }
  | {
      readonly kind: "unary";
      readonly operator: "+" | "-";
      readonly operand: Expression;
      readonly position: Position;
    }
  | {
      readonly kind: "type";
      readonly operator: "is" | "as";
      readonly operand: Expression;
      readonly type: string;
      readonly position: Position;
    };
