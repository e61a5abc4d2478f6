import type { FmlMap, Mode } from "./ast.ts";
import type { Position, Problem, ProblemCode } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import type { Linked, LinkedGroup } from "./linker.ts";
import { problem } from "./linker.ts";
import type { TypeDefinition } from "./types.ts";

/**
 * How a variable's value stands in the generated code. `raw`: the JSON value. `primitive`: a FHIR primitive, its id
 * and extension in a second variable (`js + "_"`). `node`: a FHIRPath node, where only the document tells the type.
 * `cell`: a primitive under construction, `{ value, element }`.
 */
export type Form = "raw" | "primitive" | "node" | "cell";

/** A variable of a map as the compiler knows it at one place. */
export interface Binding {
  readonly name: string;
  readonly js: string;
  readonly mode: Mode;
  readonly form: Form;
  /** undefined where no model describes the value */
  readonly type: string | undefined;
  /** the types that a node may have, if a model tells */
  readonly choices?: readonly string[];
  /** as shown in messages: `card.education.date` */
  readonly path: string;
  /** target only: what is known of the object under construction */
  readonly build?: Build;
  /** how the value of a `let` constant is written again inside an expression */
  readonly constant?: Expression;
  /** made by the map, so that it stands at no place of a source */
  readonly isLiteral?: true;
}

/** What the compiler knows of a target object while it writes the code that fills it. */
export interface Build {
  /** created in this function, so that nobody else can have written to it */
  readonly owned: boolean;
  /** loops around the creation; a write at a deeper level may happen more than once */
  readonly loops: number;
  /** conditions and loops around the creation; a write at the same level always happens */
  readonly guards: number;
  /** elements that may already have a value; `*` if another group may have written any */
  readonly written: Set<string>;
  /** it surely ends with content, so nobody needs to ask whether it is empty */
  filled: boolean;
}

export type Bindings = ReadonlyMap<string, Binding>;

/** One group compiled for the types and forms of its arguments. */
export interface Instance {
  readonly js: string;
  readonly linked: LinkedGroup;
  readonly parameters: readonly Binding[];
  readonly entry: boolean;
}

/** The part of the type table that expressions need at run time; the table itself stays with the compiler. */
export type TypeSlice = Map<string, { readonly definition: TypeDefinition; readonly elements: Set<string> }>;

/** What one compilation collects: problems, constants of the module, and the groups still to be compiled. */
export interface Unit {
  readonly linked: Linked;
  readonly traced: boolean;
  readonly constants: Map<string, string>;
  /** the places that can fail, each with its number */
  readonly sites: Map<string, number>;
  readonly instances: Map<string, Instance>;
  readonly queue: Instance[];
  readonly typeSlice: TypeSlice;
  nextName: number;
}

/** Where the compiler stands: in a rule of a group of a map. */
export interface Place {
  readonly unit: Unit;
  readonly map: FmlMap;
  readonly rule: string;
  readonly position: Position;
  readonly loops: number;
  readonly guards: number;
  readonly group: GroupState;
}

/** What the rules of one function share. */
export interface GroupState {
  /** elements that some rule fills with list mode `last`: the others insert before those items */
  readonly lasts: ReadonlySet<string>;
  /** variables declared at the top of the function: shared targets */
  readonly locals: string[];
  /** constants of the map that its rules read as variables */
  readonly constants: Map<string, { readonly binding: Binding; readonly line: string }>;
  /** names of the functions that this one calls */
  readonly calls: Set<string>;
  usesOrder: boolean;
}

/** A variable on the source side. */
export function sourceBinding(
  part: Pick<Binding, "name" | "js" | "form" | "type" | "path" | "constant" | "isLiteral">,
): Binding {
  return { mode: "source", ...part };
}

/** A unit of emitted code without any function yet. */
export const newUnit = (linked: Linked, traced: boolean): Unit => ({
  linked,
  traced,
  constants: new Map(),
  sites: new Map(),
  instances: new Map(),
  queue: [],
  typeSlice: new Map(),
  nextName: 1,
});

/** Records a problem once, however often the group is compiled for different arguments. */
export function report(place: Place, code: ProblemCode, message: string, position: Position): void {
  const found: Problem = problem(code, message, position, place.map);
  const { problems } = place.unit.linked;
  const isKnown = problems.some(
    (p) =>
      p.message === message && p.position.line === position.line && p.position.column === position.column,
  );
  if (!isKnown) {
    problems.push(found);
  }
}

/** A JavaScript name that nothing else bears; what of the map's name is not a plain letter or digit is dropped. */
export function newName(unit: Unit, hint: string): string {
  const number = unit.nextName;
  unit.nextName += 1;
  return `${hint.replace(/[^A-Za-z0-9]/g, "").slice(0, 30) || "v"}_${number}`;
}

/** Text as a JavaScript string literal. */
export const quote = (text: string) => JSON.stringify(text);

/** `owner.name`, or `owner["na-me"]` where the name is no identifier. */
export function property(owner: string, name: string, optional = false): string {
  const dot = optional ? "?." : ".";
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    ? `${owner}${dot}${name}`
    : `${owner}${optional ? "?." : ""}[${quote(name)}]`;
}

/** A constant of the module, shared by all who ask for the same text; returns its name. */
export function constant(unit: Unit, hint: string, code: string): string {
  const known = unit.constants.get(code);
  if (known !== undefined) {
    return known;
  }
  const name = newName(unit, hint);
  unit.constants.set(code, name);
  return name;
}

/** Registers a place that can fail at run time, or be noted with the property that it writes; returns its number. */
export function site(place: Place, sourcePath: string, targetPath: string, key?: string): number {
  const { position, rule, map, unit } = place;
  const noted = key === undefined ? [] : [key];
  const row = JSON.stringify([
    map.name,
    position.line,
    position.column,
    rule,
    sourcePath,
    targetPath,
    ...noted,
  ]);
  const number = unit.sites.get(row) ?? unit.sites.size;
  unit.sites.set(row, number);
  return number;
}

/** The source path of a variable in the traced variant; what the map made itself has none. */
export const pathCode = ({ js, mode, isLiteral }: Binding) =>
  mode === "source" && isLiteral !== true ? `${js}_p` : "noPath";

/** The FHIRPath node of a variable. */
export function nodeCode({ js, form, type }: Binding): string {
  const name = type === undefined ? "undefined" : quote(type);
  switch (form) {
    case "node":
      return js;
    case "primitive":
      return `node(${name}, ${js} ?? undefined, ${js}_ ?? undefined)`;
    case "cell":
      return `node(${name}, ${js}.value, ${js}.element)`;
    default:
      return `node(${name}, ${js})`;
  }
}
