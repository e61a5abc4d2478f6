import { booleanCode, type Code, conditionsOf, dynamic, existsOf } from "./code.ts";
import { plainType } from "./emit-operators.ts";
import type { ExpressionPlace } from "./expression-place.ts";
import { pathFunctions } from "./fhirpath.ts";
import type { Call, Expression } from "./fhirpath-ast.ts";
import { typeNameOf } from "./fhirpath-tree.ts";
import { patternProblem } from "./pattern.ts";
import { nearest } from "./static-type.ts";
import { type Binding, newName, report, sourceBinding } from "./unit.ts";

type Compile = (at: ExpressionPlace, input: Code, args: readonly Expression[]) => Code | undefined;

const boolean = ["System.Boolean"];
const string = ["System.String"];
const integer = ["System.Integer"];

// result types of functions that the evaluator runs; the rest keep the type of their input
const results = new Map<string, readonly string[] | undefined>([
  ["type", ["System.TypeInfo"]],
  ["extension", ["Extension"]],
]);
const setResults = (type: readonly string[] | undefined, names: string) => {
  for (const name of names.split(" ")) {
    results.set(name, type);
  }
};
setResults(undefined, "select repeat aggregate iif children descendants resolve getValue");
setResults(integer, "count length indexOf lastIndexOf toInteger");
setResults(
  boolean,
  "empty not exists all allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct is contains startsWith " +
    "endsWith matches matchesFull hasValue conformsTo toBoolean",
);
setResults(
  string,
  "toString substring upper lower trim replace replaceMatches join split toChars encode decode escape unescape",
);
const conversions: ReadonlyMap<string, string> = new Map(
  Object.entries({
    toDecimal: "Decimal",
    toDate: "Date",
    toDateTime: "DateTime",
    toTime: "Time",
    toQuantity: "Quantity",
    today: "Date",
    now: "DateTime",
    timeOfDay: "Time",
  }),
);
const singular =
  /^(to[A-Z]|converts|is|as$|first|last$|single|count|exists|empty|not|all|any|has|matches|substring|upper|lower|trim|replace|join|length|indexOf|startsWith|endsWith|contains|today|now|abs|round)/;
const projecting = new Set(["where", "select", "exists", "all", "repeat", "aggregate"]);

/** Compiles a call: refuses unknown functions and wrong numbers of arguments, and writes out the common ones. */
export function compileCall(call: Call, at: ExpressionPlace): Code {
  const { name, args, target, position } = call;
  const known = pathFunctions.get(name);
  if (known === undefined) {
    const near = nearest(name, [...pathFunctions.keys()]);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    report(at.place, "unknown-function", `no function is named ${name}${hint}`, position);
    return dynamic(undefined);
  }
  if (args.length < known.min || args.length > known.max) {
    const wanted = known.min === known.max ? `${known.min}` : `${known.min} to ${known.max}`;
    report(at.place, "arity", `${name} takes ${wanted} arguments, not ${args.length}`, position);
    return dynamic(undefined);
  }
  checkPattern(call, at);
  checkProfile(call, at);
  const input =
    target === undefined ? at.compile({ kind: "special", name: "this", position }) : at.compile(target);
  return inline.get(name)?.(at, input, args) ?? general(call, at, input);
}

function checkPattern({ name, args }: Call, at: ExpressionPlace): void {
  const [pattern] = args;
  if (/^(matches|replaceMatches)/.test(name) && pattern?.kind === "literal" && pattern.value !== "") {
    const problem = patternProblem(String(pattern.value));
    if (problem !== undefined) {
      report(at.place, "unsupported", problem, pattern.position);
    }
  }
}

function checkProfile({ name, args }: Call, at: ExpressionPlace): void {
  const [url] = args;
  const core = /^http:\/\/hl7\.org\/fhir\/StructureDefinition\/(\w+)$/;
  if (name !== "conformsTo" || url?.kind !== "literal") {
    return;
  }
  if (!at.place.unit.linked.types.has(core.exec(String(url.value))?.[1] ?? "")) {
    report(at.place, "unsupported", "conformsTo knows only the base types of FHIR", url.position);
  }
}

function general({ name, args }: Call, at: ExpressionPlace, input: Code): Code {
  if (name === "as" || name === "ofType") {
    const type = typeNameOf(args[0]);
    return dynamic([type], name === "ofType");
  }
  if (name === "is") {
    return dynamic(boolean, false);
  }
  const own = projecting.has(name) ? itemOf(input, "$this") : undefined;
  const compiled = args.map((arg) => at.compile(arg, own));
  if (name === "select" || name === "iif") {
    return dynamic(compiled.at(name === "iif" ? 1 : 0)?.types, true);
  }
  const conversion = conversions.get(name);
  const types = conversion === undefined ? undefined : [`System.${conversion}`];
  const result = types ?? (results.has(name) ? results.get(name) : input.types);
  return dynamic(name.startsWith("convertsTo") ? boolean : result, !singular.test(name));
}

/** `$this` within a projection: an item of the input. */
function itemOf(input: Code, js: string): Binding {
  const type = input.types?.length === 1 ? input.types[0] : undefined;
  const form = input.js === undefined ? "node" : "raw";
  return sourceBinding({ name: "$this", js, form, type, path: "$this" });
}

const onText =
  (types: readonly string[], write: (js: string, ...args: readonly string[]) => string): Compile =>
  (at, input, args) => {
    const codes = args.map((arg) => at.compile(arg));
    const isPlain = [input, ...codes].every((code) => plainType(at, code) === "String");
    if (!isPlain || codes.some((code) => code.certain !== true)) {
      return undefined;
    }
    const js = write(String(input.js), ...codes.map((code) => String(code.js)));
    if (types === boolean) {
      const guard = input.certain === true ? "" : `${input.js} != null && `;
      return booleanCode(`(${guard}${js})`, `(${guard}!${js})`, guard === "");
    }
    const value = input.certain === true ? js : `(${input.js} != null ? ${js} : undefined)`;
    return { types, many: false, js: value, certain: input.certain === true };
  };

function filtered(at: ExpressionPlace, input: Code, [criterion]: readonly Expression[], method: string) {
  const item = newName(at.place.unit, "e");
  const code = criterion === undefined ? undefined : at.compile(criterion, itemOf(input, item));
  const conditions = code === undefined ? undefined : conditionsOf(code);
  return input.js === undefined || !input.many || conditions === undefined
    ? undefined
    : `(${input.js} ?? none).${method}((${item}) => ${conditions.when})`;
}

/** Functions that become JavaScript where their input is plain; the evaluator runs them everywhere else. */
const inline: ReadonlyMap<string, Compile> = new Map(
  Object.entries({
    exists(at, input, args) {
      const test = args.length === 0 ? existsOf(input) : filtered(at, input, args, "some");
      return test === undefined ? undefined : booleanCode(`(${test})`, `!(${test})`, true);
    },
    empty(_at, input) {
      const test = existsOf(input);
      return test === undefined ? undefined : booleanCode(`!(${test})`, `(${test})`, true);
    },
    not(_at, input) {
      const conditions = conditionsOf(input);
      return conditions === undefined
        ? undefined
        : booleanCode(conditions.unless, conditions.when, input.certain === true);
    },
    where(at, input, args) {
      const js = filtered(at, input, args, "filter");
      return js === undefined ? undefined : { types: input.types, many: true, js };
    },
    first(_at, input) {
      return input.js === undefined || !input.many
        ? undefined
        : { types: input.types, many: false, js: `${input.js}?.[0]` };
    },
    startsWith: onText(boolean, (js, part) => `${js}.startsWith(${part})`),
    endsWith: onText(boolean, (js, part) => `${js}.endsWith(${part})`),
    contains: onText(boolean, (js, part) => `${js}.includes(${part})`),
    upper: onText(string, (js) => `${js}.toUpperCase()`),
    lower: onText(string, (js) => `${js}.toLowerCase()`),
    trim: onText(string, (js) => `${js}.trim()`),
    length: onText(integer, (js) => `${js}.length`),
    iif(at, _input, [test, yes, no]) {
      const [a, b, c] = [test, yes, no].map((part) => (part === undefined ? undefined : at.compile(part)));
      const when = a === undefined ? undefined : conditionsOf(a)?.when;
      const isPlain = b?.js !== undefined && !b.many && (c === undefined || (c.js !== undefined && !c.many));
      if (when === undefined || !isPlain || (c !== undefined && c.types?.join() !== b?.types?.join())) {
        return undefined;
      }
      const certain = b?.certain === true && c?.certain === true;
      return { types: b?.types, many: false, js: `(${when} ? ${b?.js} : ${c?.js})`, certain };
    },
  }),
);
