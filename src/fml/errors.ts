import type { TraceEntry } from "./trace-entry.ts";

/** A place in a map's text; both numbers count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type ProblemCode =
  | "syntax"
  | "unknown-element"
  | "unknown-type"
  | "unknown-group"
  | "unknown-variable"
  | "unknown-concept-map"
  | "unknown-function"
  | "unknown-import"
  | "arity"
  | "type"
  | "cardinality"
  | "duplicate"
  | "forbidden-name"
  | "unsupported";

/** One thing wrong with a map: what, where, and in words what to do about it. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly position: Position;
  readonly map: string;
}

const at = ({ line, column }: Position) => `${line}:${column}`;

/** The text is not FML (or FHIRPath): parsing stops at the first such place. */
export class FmlSyntaxError extends Error {
  override readonly name = "FmlSyntaxError";
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(`${at(position)} ${message}`);
    this.position = position;
  }
}

/** The map parses but cannot be compiled; carries every problem found, not only the first. */
export class FmlCompileError extends Error {
  override readonly name = "FmlCompileError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((p) => `${p.map}:${at(p.position)} ${p.code}: ${p.message}`).join("\n"));
    this.problems = problems;
  }
}

export type MappingFailure =
  | "unmapped-code"
  | "bad-value"
  | "wrong-type"
  | "cardinality"
  | "check-failed"
  | "no-group"
  | "too-deep"
  | "too-large"
  | "expression";

/** Where a failing rule stands and which elements it joins; never holds a value. */
export interface MappingSite {
  readonly map: string;
  readonly position: Position;
  readonly rule: string;
  readonly sourcePath: string;
  readonly targetPath: string;
}

/** A source document that a map cannot convert. Names places and the kind of value, never the value. */
export class MappingError extends Error {
  override readonly name = "MappingError";
  readonly code: MappingFailure;
  readonly site: MappingSite;
  readonly kind: string;
  #written: () => readonly TraceEntry[] = () => [];

  constructor(code: MappingFailure, site: MappingSite, kind: string, options?: ErrorOptions) {
    const rule = site.rule === "" ? "" : ` rule "${site.rule}"`;
    super(
      `${site.map}:${at(site.position)}${rule} ${code}: ${site.sourcePath} -> ${site.targetPath} (${kind})`,
      options,
    );
    this.code = code;
    this.site = site;
    this.kind = kind;
  }

  /** The elements that were written before the failure. The conversion is run again to tell them, when first asked. */
  get written(): readonly TraceEntry[] {
    const written = this.#written();
    this.#written = () => written;
    return written;
  }

  /** Says how to find what was written. */
  tracedBy(find: () => readonly TraceEntry[]): this {
    this.#written = find;
    return this;
  }
}

/** A FHIRPath expression that cannot be evaluated on its input; the message never holds a value. */
export class FhirPathError extends Error {
  override readonly name = "FhirPathError";
  readonly position: Position | undefined;

  constructor(message: string, position?: Position) {
    super(position === undefined ? message : `${at(position)} ${message}`);
    this.position = position;
  }
}
