import { FhirPathError } from "./errors.ts";

const maxPattern = 500;
const maxSteps = 2_000_000;

/** A regular expression whose work is bounded whatever the pattern and the input. */
export interface BoundedPattern {
  test(input: string): boolean;
  replace(input: string, by: string): string;
}

const cache = new Map<string, BoundedPattern>();

/**
 * Makes a pattern safe to run: it is refused if it is long, if a repeat stands within a repeat, or if it looks
 * back; and it runs only on inputs short enough for its number of unbounded repeats. Throws FhirPathError.
 */
export function boundedPattern(source: string): BoundedPattern {
  const known = cache.get(source);
  if (known !== undefined) {
    return known;
  }
  const made = makePattern(source);
  if (cache.size < 200) {
    cache.set(source, made);
  }
  return made;
}

function makePattern(source: string): BoundedPattern {
  const problem = patternProblem(source);
  if (problem !== undefined) {
    throw new FhirPathError(problem);
  }
  const expression = new RegExp(source, "su");
  const everywhere = new RegExp(source, "gsu");
  const limit = inputLimit(source);
  const check = (input: string) => {
    if (input.length > limit) {
      throw new FhirPathError("the string is too long for this pattern");
    }
  };
  return {
    test(input) {
      check(input);
      return expression.test(input);
    },
    replace(input, by) {
      check(input);
      return input.replace(everywhere, by);
    },
  };
}

const withoutClasses = (source: string) => source.replace(/\\./gs, "x").replace(/\[[^\]]*\]/g, "x");
const innermost = /\((?:\?:|\?<\w+>)?([^()]*)\)([*+]|\{)?/;
const repeats = /[*+]|\{\d+,\}|\{\d+(?:,\d+)?\}/g;

// k unbounded repeats in a row cost up to length^(k + 1) steps, the search from each start included
function inputLimit(source: string): number {
  const count = withoutClasses(source).match(repeats)?.length ?? 0;
  return Math.floor(maxSteps ** (1 / (count + 1)));
}

/** Says why a pattern is not run; undefined if it is fine. Compiling a map asks this of literal patterns. */
export function patternProblem(source: string): string | undefined {
  if (source.length > maxPattern) {
    return `a pattern is at most ${maxPattern} characters long`;
  }
  try {
    new RegExp(source, "su");
  } catch {
    return "the pattern is not a regular expression";
  }
  if (/\\[1-9k]|\(\?<?[=!]/.test(source)) {
    return "patterns with back references or look-around are not run";
  }
  return hasNestedRepeat(withoutClasses(source)) ? "a repeat within a repeat is not run" : undefined;
}

// innermost groups are folded away one after another; what must not be repeated leaves a mark behind
function hasNestedRepeat(source: string): boolean {
  let rest = source;
  for (let found = innermost.exec(rest); found !== null; found = innermost.exec(rest)) {
    const [whole, body = "", repeat] = found;
    const isLoose = /[*+{|!]/.test(body);
    if (isLoose && repeat !== undefined) {
      return true;
    }
    rest = rest.replace(whole, () => (isLoose || repeat !== undefined ? "!" : "x"));
  }
  return false;
}
