/**
 * An expression as the compiler sees it. `js` (a value, `undefined` for empty, or an array if `many`) is there only if
 * the expression compiles to plain JavaScript; without it the FHIRPath evaluator runs. Booleans also have their two
 * conditions: `when` holds if the answer is true, `unless` if it is false, neither if it is empty.
 */
export interface Code {
  /** names of the possible types; undefined if unknown */
  readonly types: readonly string[] | undefined;
  readonly many: boolean;
  readonly js?: string;
  /** never empty */
  readonly certain?: boolean;
  readonly when?: string;
  readonly unless?: string;
  /** a condition for "has an item" that also sees a primitive with extensions and no value */
  readonly exists?: string;
}

/** Code that only the evaluator can run. */
export const dynamic = (types?: readonly string[], many = true): Code => ({ types, many });

/** A boolean from its two conditions. */
export function booleanCode(when: string, unless: string, certain = false): Code {
  const js = certain ? when : `(${when} ? true : ${unless} ? false : undefined)`;
  return { types: ["System.Boolean"], many: false, js, when, unless, certain };
}

/** A value that is never empty. */
export const certainCode = (type: string, js: string): Code => ({
  types: [type],
  many: false,
  js,
  certain: true,
});

/** The condition under which an item is there. */
export function existsOf(code: Code): string | undefined {
  if (code.exists !== undefined) {
    return code.exists;
  }
  if (code.js === undefined) {
    return undefined;
  }
  if (code.many) {
    return `(${code.js} ?? none).length > 0`;
  }
  return code.certain === true ? "true" : `${code.js} != null`;
}

/** The two conditions of an expression in a place that takes a boolean. */
export function conditionsOf(code: Code): { when: string; unless: string } | undefined {
  if (code.when !== undefined && code.unless !== undefined) {
    return { when: code.when, unless: code.unless };
  }
  if (code.js === undefined || code.many || code.types?.length !== 1) {
    return undefined;
  }
  const [type] = code.types;
  return type === "System.Boolean" || type === "boolean"
    ? { when: `${code.js} === true`, unless: `${code.js} === false` }
    : undefined;
}
