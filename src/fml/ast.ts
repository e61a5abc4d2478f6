import type { Position } from "./errors.ts";
import type { Expression, Literal } from "./fhirpath-ast.ts";

/** A name as written, with its place. */
export interface Name {
  readonly text: string;
  readonly position: Position;
}

/** `context.a.b`: the first name is a variable, the rest are elements. */
export interface ElementPath {
  readonly context: Name;
  readonly elements: readonly Name[];
}

export type SourceListMode = "first" | "not_first" | "last" | "not_last" | "only_one";
export type TargetListMode = "first" | "share" | "last" | "single" | "collate";
export type Mode = "source" | "target";

export interface Source extends ElementPath {
  readonly type?: Name;
  readonly cardinality?: { readonly min: number; readonly max: number | "*" };
  readonly default?: Expression;
  readonly listMode?: SourceListMode;
  readonly variable?: Name;
  readonly where?: Expression;
  readonly check?: Expression;
  readonly log?: Expression;
}

export type Transform =
  | { readonly kind: "literal"; readonly literal: Literal; readonly position: Position }
  | { readonly kind: "copy"; readonly path: ElementPath; readonly position: Position }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly args: readonly Expression[];
      readonly position: Position;
    }
  | { readonly kind: "expression"; readonly expression: Expression; readonly position: Position };

/** Without a path the target only makes a variable: `create('X') as v`, `(expression) as v`. */
export interface Target {
  readonly path?: ElementPath;
  readonly transform?: Transform;
  readonly variable?: Name;
  readonly listMode?: TargetListMode;
  readonly shareId?: string;
  readonly position: Position;
}

export interface Dependent {
  readonly group: Name;
  readonly args: readonly (Name | Literal)[];
}

export interface Rule {
  readonly name: string;
  readonly sources: readonly Source[];
  readonly targets: readonly Target[];
  readonly dependents: readonly Dependent[];
  readonly rules: readonly Rule[];
  readonly position: Position;
}

export interface Parameter {
  readonly mode: Mode;
  readonly name: Name;
  readonly type?: Name;
}

export interface Group {
  readonly name: Name;
  readonly parameters: readonly Parameter[];
  readonly extends?: Name;
  readonly typeMode?: "types" | "type+";
  readonly rules: readonly Rule[];
}

export interface Uses {
  readonly url: string;
  readonly alias?: string;
  readonly mode: "source" | "queried" | "target" | "produced";
  readonly position: Position;
}

export interface CodePair {
  readonly source: { readonly system: string; readonly code: string };
  readonly target: { readonly system: string; readonly code: string };
  readonly position: Position;
}

export interface ConceptMapDeclaration {
  readonly url: string;
  readonly pairs: readonly CodePair[];
  readonly unmapped: ReadonlySet<string>;
  readonly position: Position;
}

export interface Constant {
  readonly name: Name;
  readonly value: Expression;
}

/** A parsed map. `url` and `name` come from the `map` line or from `///` metadata. */
export interface FmlMap {
  readonly url: string;
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly conceptMaps: readonly ConceptMapDeclaration[];
  readonly uses: readonly Uses[];
  readonly imports: readonly Name[];
  readonly constants: readonly Constant[];
  readonly groups: readonly Group[];
}
