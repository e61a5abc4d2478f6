import type { Transform } from "./ast.ts";
import type { ConceptMapGroup, Unmapped } from "./concept-map.ts";
import type { Expression } from "./fhirpath-ast.ts";
import { isObject, type Node } from "./fhirpath-node.ts";
import { fail, nodeFor, type Run, singleFor, type Variables } from "./interpreter-run.ts";
import { compact } from "./runtime-targets.ts";
import {
  castTo,
  contactPointOf,
  quantityOf,
  referenceText,
  rewriteDate,
  rewriteEscapes,
} from "./runtime-values.ts";

interface TransformRun {
  readonly run: Run;
  readonly variables: Variables;
  readonly transform: Extract<Transform, { kind: "call" }>;
  readonly expected: readonly string[];
}

const nothing: Node = { type: undefined, value: undefined };

/** The value of a transform by its definition in the specification; undefined if its input is absent. */
export function transformValue(at: TransformRun): Node | undefined {
  const { run, variables, transform } = at;
  const { args, name } = transform;
  if (name === "evaluate") {
    return evaluated(at);
  }
  const nodes = args.map((arg) => argument(run, arg, variables));
  if (name === "copy") {
    return nodes[0];
  }
  const made = transforms[name]?.(
    nodes.map((node) => node?.value),
    at,
  );
  return made === undefined || made.value === undefined || made.value === null ? undefined : made;
}

function argument(run: Run, arg: Expression, variables: Variables): Node | undefined {
  const variable = arg.kind === "member" ? variables.get(arg.name) : undefined;
  return variable === undefined ? singleFor(run, arg, nothing, variables) : nodeFor(run, variable);
}

function evaluated({ run, variables, transform }: TransformRun): Node | undefined {
  const [context, expression] = transform.args;
  const self = context?.kind === "member" ? variables.get(context.name) : undefined;
  return self && expression && singleFor(run, expression, nodeFor(run, self), variables);
}

type Apply = (values: readonly unknown[], at: TransformRun) => Node | undefined;

const text = (value: unknown): Node => ({ type: "System.String", value });
const refuse =
  ({ run }: TransformRun) =>
  (kind: string): never =>
    fail(run, "bad-value", kind);
const whole = (type: string, value: Record<string, unknown>): Node => ({ type, value: compact(value) });
const coding = ([system, code, display]: readonly unknown[]) => ({ system, code, display });

const reference: Apply = ([value], at) => text(referenceText(value, refuse(at)));

const transforms: Readonly<Record<string, Apply>> = {
  truncate: ([value, length]) =>
    text(value === undefined ? undefined : String(value).slice(0, Number(length))),
  escape: ([value, from, to], at) => text(rewriteEscapes(value, from, to, refuse(at))),
  cast: ([value, type], at) => {
    const to = type === undefined ? (at.expected[0] ?? "string") : String(type);
    return { type: to, value: castTo(to, value, refuse(at)) };
  },
  append: (values) => text(values.map((value) => value ?? "").join("")),
  dateOp: ([value, from, to], at) => text(rewriteDate(value, from, to, refuse(at))),
  uuid: (_values, { run }) => text(run.options.uuid?.() ?? crypto.randomUUID()),
  reference,
  pointer: reference,
  cc: (values) =>
    whole("CodeableConcept", values.length === 1 ? { text: values[0] } : { coding: [coding(values)] }),
  c: (values) => whole("Coding", coding(values)),
  qty: (values, at) =>
    values.length === 1
      ? { type: "Quantity", value: quantityOf(values[0], refuse(at)) }
      : whole("Quantity", { value: values[0], unit: values[1], system: values[2], code: values[3] }),
  id: ([system, value, type]) =>
    whole("Identifier", {
      system,
      value,
      type:
        type === undefined
          ? undefined
          : { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: type }] },
    }),
  cp: (values, at) =>
    values.length === 1
      ? { type: "ContactPoint", value: contactPointOf(values[0], refuse(at)) }
      : whole("ContactPoint", { system: values[0], value: values[1] }),
  translate,
};

function translate([value, url, field]: readonly unknown[], at: TransformRun): Node | undefined {
  const table = at.run.linked.conceptMap(at.run.map, String(url));
  const codes = codesOf(value);
  const last = codes.at(-1);
  if (last === undefined || table === undefined) {
    return undefined;
  }
  const output = String(field ?? at.expected[0]);
  const [found] = codes.flatMap((code) => table.groups.flatMap((group) => rowFor(group, code)));
  if (found !== undefined) {
    return outputOf(found.group, found.row.target, found.row.display, output);
  }
  const group = table.groups.find(({ unmapped }) => unmapped !== undefined);
  return group?.unmapped === undefined
    ? fail(at.run, "unmapped-code", "code")
    : unmappedOutput(group, group.unmapped, last.code, output);
}

function rowFor(group: ConceptMapGroup, { system, code }: { system?: string; code: string }) {
  const row = group.entries.find((entry) => entry.code === code);
  return row !== undefined && (system === undefined || system === group.source) ? [{ group, row }] : [];
}

function unmappedOutput(group: ConceptMapGroup, unmapped: Unmapped, code: string, output: string): Node {
  return unmapped.mode === "fixed"
    ? outputOf(group, unmapped.code, unmapped.display, output)
    : outputOf(group, code, undefined, output);
}

function codesOf(value: unknown): readonly { system?: string; code: string }[] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!isObject(value)) {
    return [{ code: String(value) }];
  }
  if (Array.isArray(value["coding"])) {
    return value["coding"].flatMap(codesOf);
  }
  const { system, code } = value as { system?: string; code?: string };
  return code === undefined ? [] : [system === undefined ? { code } : { system, code }];
}

function outputOf(
  { target }: ConceptMapGroup,
  code: string,
  display: string | undefined,
  field: string,
): Node {
  const found = { system: target, code, display };
  switch (field.toLowerCase()) {
    case "system":
      return { type: "uri", value: target ?? "" };
    case "display":
      return { type: "string", value: display ?? code };
    case "coding":
      return whole("Coding", found);
    case "codeableconcept":
      return whole("CodeableConcept", { coding: [found] });
    default:
      return { type: "code", value: code };
  }
}
