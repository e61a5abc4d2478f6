import { isObject, type Node } from "./fhirpath-node.ts";
import { fail, type Run } from "./interpreter-run.ts";
import { checkedTime, kindOf } from "./runtime-values.ts";
import { findElement, type ResolvedElement } from "./types.ts";

/** An element of a source with one type, as its owner's type has it; undefined where no model tells. */
interface SourceElement extends ResolvedElement {
  /** of a wire format, whose dates nobody has looked at yet */
  readonly isWire: boolean;
}

/** What the model says of a child; of a choice only the document tells. */
export function elementOf({ linked }: Run, owner: Node, name: string): SourceElement | undefined {
  const definition = owner.type === undefined ? undefined : linked.types.get(owner.type);
  const element = definition && findElement(definition, name);
  const isTyped = definition?.kind !== "primitive" && element !== undefined && element.choice === undefined;
  return isTyped ? { ...element, isWire: definition?.kind === "logical" } : undefined;
}

/** Refuses one item in place of an array and an array in place of one. */
export function checkRepeat(run: Run, { value }: Node, element: SourceElement | undefined): void {
  if (element === undefined || !isObject(value)) {
    return;
  }
  const { property, array, types, isWire } = element;
  const given = value[property];
  if (!array && Array.isArray(given)) {
    checkKind(run, { type: undefined, value: given }, types[0], isWire);
  }
  if (array) {
    checkArray(run, given);
    checkArray(run, isWire ? undefined : value[`_${property}`]);
  }
}

function checkArray(run: Run, list: unknown): void {
  if (list !== undefined && list !== null && !Array.isArray(list)) {
    fail(run, "wrong-type", kindOf(list));
  }
}

/** Refuses a value of another JSON kind than the model says, and in a wire format text that is no date. */
export function checkKind(run: Run, { value }: Node, type = "", isWire = false): void {
  const definition = run.linked.types.get(type);
  if (definition === undefined || value === undefined) {
    return;
  }
  if (isWire && ["date", "dateTime", "instant", "time"].includes(type)) {
    checkedTime(type, value, (kind) => fail(run, "bad-value", kind));
    return;
  }
  const wanted = definition.kind === "primitive" ? definition.json : "object";
  if (kindOf(value) !== wanted) {
    fail(run, "wrong-type", kindOf(value));
  }
}
