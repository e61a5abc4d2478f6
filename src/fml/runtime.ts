import { FhirPathError, MappingError, type MappingFailure } from "./errors.ts";
import { evaluate, isTrue } from "./fhirpath.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { isObject, type Node, nodeOf, systemType } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { type Fail, sourceLibrary } from "./runtime-sources.ts";
import {
  compact,
  copy,
  detach,
  has,
  type Insertion,
  insert,
  isEmpty,
  putPrimitive,
  putUntyped,
  type Variant,
  variantFor,
} from "./runtime-targets.ts";
import { noPath, type SiteRow, type SourcePath, type TraceRecorder } from "./runtime-trace.ts";
import * as values from "./runtime-values.ts";
import { ShapeError } from "./source-shape.ts";
import type { TypeDefinition, TypeTable } from "./types.ts";

/** What a conversion may ask of its caller; all of it has a default that does nothing surprising. */
export interface RuntimeOptions {
  /** the current time as ISO 8601, for `now()` and `today()` */
  readonly now?: () => string;
  readonly uuid?: () => string;
  /** receives `log` clauses: the place and the text */
  readonly log?: (message: string, site: SiteRow | undefined) => void;
}

const maxDepth = 200;
const maxSize = 1_000_000;

type Target = Record<string, unknown>;

/** Makes the library that one compiled module runs on: its failures name the module's places. */
export function createRuntime(options: RuntimeOptions, traces?: TraceRecorder) {
  return (sites: readonly SiteRow[], slice: readonly TypeDefinition[]) => {
    const types: TypeTable = new Map(slice.map((definition) => [definition.name, definition]));
    const fail = (code: MappingFailure, site: number, kind: string, cause?: unknown): never => {
      throw new MappingError(code, siteOf(sites[site]), kind, cause === undefined ? undefined : { cause });
    };
    const refuse = (site: number) => (kind: string) => fail("bad-value", site, kind);
    return {
      ...limits(fail),
      ...sourceLibrary(types, fail),
      ...expressionLibrary(types, fail, options),
      ...transformLibrary(fail, refuse, options),
      ...targetLibrary(types, { fail, refuse, traces }),
      ...traceLibrary(traces),
      log: (value: unknown, site: number) => options.log?.(String(value), sites[site]),
      fail,
    };
  };
}

type Variables = ReadonlyMap<string, readonly Node[]>;
type RefuseAt = (site: number) => values.Refuse;

function siteOf(row: SiteRow | undefined) {
  const [map, line, column, rule, sourcePath, targetPath] = row ?? ["", 0, 0, "", "", ""];
  return { map, position: { line, column }, rule, sourcePath, targetPath };
}

function limits(fail: Fail) {
  return {
    maxDepth,
    maxSize,
    none: [],
    noVariables: new Map<string, readonly Node[]>(),
    tooDeep: (site: number) => fail("too-deep", site, `groups nested deeper than ${maxDepth}`),
    tooLarge: (site: number) => fail("too-large", site, `more than ${maxSize} elements`),
  };
}

function expressionLibrary(types: TypeTable, fail: Fail, { now, log }: RuntimeOptions) {
  let root: readonly Node[] = [];
  const guarded = <Result>(site: number, run: () => Result): Result => {
    try {
      return run();
    } catch (error) {
      if (error instanceof ShapeError) {
        return fail(error.code, site, error.message, error);
      }
      return error instanceof FhirPathError
        ? fail("expression", site, error.message, error)
        : failOther(error);
    }
  };
  const logging = log === undefined ? {} : { log: (message: string) => log(message, undefined) };
  const scopeOf = (variables: Variables) => {
    const at = now?.() ?? new Date().toISOString();
    return { types, variables, root, now: at, holdsToModel: true, ...logging };
  };
  return {
    begin(source: unknown) {
      root = [nodeOf(undefined, source)];
    },
    evaluate(expression: Expression, self: Node, variables: Variables, site: number) {
      return guarded(site, () => evaluate(expression, [self], scopeOf(variables)));
    },
    holds(expression: Expression, self: Node, variables: Variables, site: number) {
      return guarded(site, () => isTrue(expression, [self], scopeOf(variables)));
    },
    one: (nodes: readonly Node[], site: number) => guarded(site, () => single(nodes)),
  };
}

function failOther(error: unknown): never {
  throw error;
}

function transformLibrary(fail: Fail, refuse: RefuseAt, { uuid }: RuntimeOptions) {
  const unmapped = (site: number) => fail("unmapped-code", site, "code");
  return {
    unmapped,
    uuid: uuid ?? (() => crypto.randomUUID()),
    copy,
    compact,
    translate: translation(unmapped),
    truncate: (value: unknown, length: unknown) =>
      value === undefined || value === null ? undefined : String(value).slice(0, Number(length)),
    cast: (value: unknown, type: string, site: number) => values.castTo(type, value, refuse(site)),
    // the site is the last argument, whichever the number of formats
    escape(value: unknown, from: unknown, ...rest: readonly unknown[]) {
      return values.rewriteEscapes(
        value,
        from,
        rest.length === 2 ? rest[0] : undefined,
        refuse(Number(rest.at(-1))),
      );
    },
    dateOp: (value: unknown, from: unknown, to: unknown, site: number) =>
      values.rewriteDate(value, from, to, refuse(site)),
    referenceTo: (value: unknown, site: number) => values.referenceText(value, refuse(site)),
    quantity: (value: unknown, site: number) => values.quantityOf(value, refuse(site)),
    contactPoint: (value: unknown, site: number) => values.contactPointOf(value, refuse(site)),
    date: (value: unknown, site: number) =>
      values.isPlainDate(value) ? value : values.checkedTime("date", value, refuse(site)),
    dateTime: (value: unknown, site: number) =>
      values.isPlainDate(value) ? value : values.checkedTime("dateTime", value, refuse(site)),
    instant: (value: unknown, site: number) => values.checkedTime("instant", value, refuse(site)),
    time: (value: unknown, site: number) => values.checkedTime("time", value, refuse(site)),
    optional: <Value, Result>(value: Value | undefined | null, convert: (value: Value) => Result) =>
      value === undefined || value === null ? undefined : convert(value),
  };
}

function translation(unmapped: (site: number) => never) {
  return (
    map: ReadonlyMap<string, unknown>,
    value: unknown,
    fallback: ((code: string) => unknown) | undefined,
    site: number,
  ) => {
    if (value === undefined || value === null) return undefined;
    const keys = codesOf(value);
    const found = keys.map((key) => map.get(key)).find((result) => result !== undefined);
    return found ?? fallback?.((keys.at(-1) ?? "").replace(/^.*\|/, "")) ?? unmapped(site);
  };
}

function codesOf(value: unknown): readonly string[] {
  if (!isObject(value)) {
    return [String(value)];
  }
  if (Array.isArray(value["coding"])) {
    return value["coding"].flatMap(codesOf);
  }
  const { system, code } = value as { system?: string; code?: string };
  return code === undefined ? [] : system === undefined ? [code] : [`${system}|${code}`];
}

interface Element {
  readonly variants: readonly Variant[];
  readonly array: boolean;
  readonly insertion?: Insertion;
}

interface TargetParts {
  readonly fail: Fail;
  readonly refuse: RefuseAt;
  readonly traces: TraceRecorder | undefined;
}

function targetLibrary(types: TypeTable, { fail, refuse, traces }: TargetParts) {
  const placed = traces && ((list: readonly unknown[], at: number) => traces.placed(list, at));
  return {
    has,
    insert,
    inOrder: (mode: string, order: Insertion["order"]): Insertion =>
      placed === undefined ? { mode, order } : { mode, order, placed },
    isEmpty,
    detach,
    putPrimitive,
    put: (target: Target, key: string, value: unknown) => putUntyped(target, key, copy(value)),
    quantityOf: (value: unknown, site: number) => fhirQuantity(value) ?? refuse(site)("quantity"),
    // gives back the property that it wrote, for the trace
    putNode(target: Target, { variants, array, insertion }: Element, node: Node | undefined, site: number) {
      if (node === undefined) {
        return "";
      }
      const system = systemType(types, node);
      const found = variantFor(variants, node, system);
      if (found === undefined) {
        return fail("wrong-type", site, (node.type ?? values.kindOf(node.value)).replace("System.", ""));
      }
      const [, property] = found;
      const value = valueFor(found, node, refuse(site));
      return putPrimitive(target, property, { value, element: node.element }, insertion ?? array)
        ? property
        : "";
    },
  };
}

// what a node writes into an element of a type: dates are in the calendar, objects are copied
function valueFor([type, , own]: Variant, { type: from, value }: Node, refuse: values.Refuse): unknown {
  if (from === "System.Quantity") {
    return fhirQuantity(value);
  }
  const isTimed = own === "Date" || own === "DateTime" || own === "Time";
  return isTimed && value !== undefined ? values.checkedTime(type, value, refuse) : copy(value);
}

function fhirQuantity(value: unknown): Target | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const { value: amount, unit, calendar } = value;
  return calendar === true
    ? { value: amount, unit }
    : { value: amount, unit, system: "http://unitsofmeasure.org", code: unit };
}

function traceLibrary(traces: TraceRecorder | undefined) {
  return {
    noPath,
    traceInto: (root: unknown) => traces?.begin(root),
    rootPath: (name: string): SourcePath => ({ parent: undefined, name, index: undefined }),
    step: (parent: SourcePath, name: string, index?: number): SourcePath => ({ parent, name, index }),
    note: (owner: Target, value: unknown, source: SourcePath, site: number) =>
      traces?.note(owner, value, source, site),
    noteProperty: (owner: Target, key: string, source: SourcePath, site: number) =>
      traces?.noteProperty(owner, key, source, site),
  };
}
