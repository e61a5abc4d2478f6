import type { Position } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import type { Bindings, Place } from "./unit.ts";

/** What a transform sees: where it stands, its arguments, and the types that its element takes. */
export interface TransformCall {
  readonly place: Place;
  readonly bindings: Bindings;
  readonly args: readonly Expression[];
  readonly expected: readonly string[];
  readonly position: Position;
  readonly targetPath: string;
}
