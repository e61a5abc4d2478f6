import { FhirPathError } from "./errors.ts";
import { childrenOf, isObject, type Node } from "./fhirpath-node.ts";
import { checkedTime, kindOf } from "./runtime-values.ts";
import { findElement, isTimed, type ResolvedElement, type TypeTable } from "./types.ts";

/** The model that a document is held to where it is read, and what becomes of one that does not keep to it. */
export interface Shape {
  readonly types: TypeTable;
  refuse(code: "wrong-type" | "bad-value", kind: string): never;
}

/** An element of a source with one type, as its owner's type has it; undefined where no model tells. */
interface SourceElement extends ResolvedElement {
  /** of a wire format, whose dates nobody has looked at yet */
  readonly isWire: boolean;
}

/** What the model says of a child; of a choice only the document tells. */
export function elementOf({ types }: Shape, owner: Node, name: string): SourceElement | undefined {
  const definition = owner.type === undefined ? undefined : types.get(owner.type);
  const element = definition && findElement(definition, name);
  const isTyped = definition?.kind !== "primitive" && element !== undefined && element.choice === undefined;
  return isTyped ? { ...element, isWire: definition?.kind === "logical" } : undefined;
}

/** Refuses one item in place of an array and an array in place of one. */
export function checkRepeat(shape: Shape, { value }: Node, element: SourceElement | undefined): void {
  if (element === undefined || !isObject(value)) {
    return;
  }
  const { property, array, types, isWire } = element;
  const given = value[property];
  if (!array && Array.isArray(given)) {
    checkKind(shape, { type: undefined, value: given }, types[0], isWire);
  }
  if (array) {
    checkArray(shape, given);
    checkArray(shape, isWire ? undefined : value[`_${property}`]);
  }
}

function checkArray(shape: Shape, list: unknown): void {
  if (list !== undefined && list !== null && !Array.isArray(list)) {
    shape.refuse("wrong-type", kindOf(list));
  }
}

/** Refuses a value of another JSON kind than the model says, and in a wire format text that is no date. */
export function checkKind(shape: Shape, { value }: Node, type = "", isWire = false): void {
  const definition = shape.types.get(type);
  if (definition === undefined || value === undefined) {
    return;
  }
  if (isWire && isTimed(type)) {
    checkedTime(type, value, (kind) => shape.refuse("bad-value", kind));
    return;
  }
  const wanted = definition.kind === "primitive" ? definition.json : "object";
  if (kindOf(value) !== wanted) {
    shape.refuse("wrong-type", kindOf(value));
  }
}

/** An expression met a document that does not keep to its model; `message` is the kind of value. */
export class ShapeError extends FhirPathError {
  readonly code: "wrong-type" | "bad-value";

  constructor(code: ShapeError["code"], kind: string) {
    super(kind);
    this.code = code;
  }
}

/** The children of a node, each held to the model. Throws ShapeError. */
export function checkedChildren(owner: Node, name: string, types: TypeTable): readonly Node[] {
  const shape: Shape = {
    types,
    refuse(code, kind) {
      throw new ShapeError(code, kind);
    },
  };
  const element = elementOf(shape, owner, name);
  checkRepeat(shape, owner, element);
  const children = childrenOf(owner, name, types);
  for (const child of children) {
    checkKind(shape, child, element?.types[0], element?.isWire);
  }
  return children;
}
