import type { ConceptMapTable } from "./concept-map.ts";
import { emitExpression, type Value } from "./emit-evaluate.ts";
import { lookUp } from "./emit-source.ts";
import { emitTranslate } from "./emit-translate.ts";
import { nearest } from "./static-type.ts";
import { argument, literalText } from "./transform-arguments.ts";
import type { TransformCall } from "./transform-call.ts";
import { quote, report, site } from "./unit.ts";

type Emit = (call: TransformCall) => Value | undefined;

interface Transform {
  readonly min: number;
  readonly max: number;
  readonly emit: Emit;
}

/** Compiles a transform by name; a wrong name or a wrong number of parameters is a problem. */
export function emitTransform(name: string, call: TransformCall): Value | undefined {
  const transform = Object.hasOwn(transforms, name) ? transforms[name] : undefined;
  if (transform === undefined) {
    const near = nearest(name, Object.keys(transforms));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    report(call.place, "unknown-function", `no transform is named ${name}${hint}`, call.position);
    return undefined;
  }
  const { min, max, emit } = transform;
  if (call.args.length < min || call.args.length > max) {
    const wanted = min === max ? `${min}` : `${min} to ${max}`;
    report(call.place, "arity", `${name} takes ${wanted} parameters, not ${call.args.length}`, call.position);
    return undefined;
  }
  return emit(call);
}

const raw = (value: Value) => (value.form === "node" ? `(${value.js})?.value` : value.js);
const here = (call: TransformCall) => site(call.place, sourceOf(call), call.targetPath);
const sourceOf = ({ args, bindings }: TransformCall) => {
  const named = args.flatMap((arg) => (arg.kind === "member" ? (bindings.get(arg.name)?.path ?? []) : []));
  return named[0] ?? "";
};

// a run-time function on the values of all parameters
const onValues =
  (name: string, type: string | undefined, certain = false): Emit =>
  (call) => {
    const values = call.args.map((_, index) => argument(call, index));
    const js = `${name}(${[...values.map((value) => (value === undefined ? "undefined" : raw(value))), here(call)].join(", ")})`;
    return values.includes(undefined) ? undefined : { js, form: "raw", type, certain };
  };

function append(call: TransformCall): Value | undefined {
  const values = call.args.map((_, index) => argument(call, index));
  const parts = values.map((value) =>
    value === undefined ? "" : value.certain ? raw(value) : `(${raw(value)} ?? "")`,
  );
  return values.includes(undefined)
    ? undefined
    : { js: `("" + ${parts.join(" + ")})`, form: "raw", type: "System.String", certain: true };
}

function cast(call: TransformCall): Value | undefined {
  const value = argument(call, 0);
  const type = call.args.length === 2 ? literalText(call, 1, "the type to cast to") : call.expected[0];
  if (value === undefined || type === undefined) {
    return undefined;
  }
  if (call.args.length === 1 && call.expected.length !== 1) {
    report(call.place, "type", "cast needs the type here: cast(value, 'type')", call.position);
    return undefined;
  }
  if (call.place.unit.linked.types.get(type)?.kind !== "primitive") {
    report(call.place, "unknown-type", `no primitive type is named ${type}`, call.position);
    return undefined;
  }
  return {
    js: `cast(${raw(value)}, ${quote(type)}, ${here(call)})`,
    form: "raw",
    type,
    certain: value.certain,
  };
}

function evaluate(call: TransformCall): Value | undefined {
  const [context, expression] = call.args;
  if (context?.kind !== "member" || expression === undefined) {
    report(call.place, "type", "evaluate takes a variable and an expression", call.position);
    return undefined;
  }
  const self = lookUp(call.place, call.bindings, { text: context.name, position: context.position });
  return self === undefined ? undefined : emitExpression(expression, call.place, call.bindings, self);
}

// objects of FHIR's small types, as literals where nothing can be missing
function compound(type: string, write: (parts: readonly string[]) => string): Emit {
  return (call) => {
    const values = call.args.map((_, index) => argument(call, index));
    if (values.some((value) => value === undefined)) {
      return undefined;
    }
    const known = values.filter((value) => value !== undefined);
    const certain = known.every((value) => value.certain);
    const literal = write(known.map(raw));
    return { js: certain ? literal : `compact(${literal})`, form: "raw", type, certain };
  };
}

const codingOf = ([system, code, display]: readonly string[]) =>
  `{ system: ${system}, code: ${code}${display === undefined ? "" : `, display: ${display}`} }`;

function quantity(call: TransformCall): Value | undefined {
  if (call.args.length === 1) {
    return onValues("quantity", "Quantity")(call);
  }
  return compound("Quantity", ([value, unit, system, code]) => {
    const coded =
      system === undefined ? "" : `, system: ${system}${code === undefined ? "" : `, code: ${code}`}`;
    return `{ value: ${value}, unit: ${unit}${coded} }`;
  })(call);
}

const identifierTypes = "http://terminology.hl7.org/CodeSystem/v2-0203";

const identifierOf = ([system, value, type]: readonly string[]) => {
  const coded =
    type === undefined ? "" : `, type: { coding: [{ system: ${quote(identifierTypes)}, code: ${type} }] }`;
  return `{ system: ${system}, value: ${value}${coded} }`;
};

function contactPoint(call: TransformCall): Value | undefined {
  return call.args.length === 1
    ? onValues("contactPoint", "ContactPoint", true)(call)
    : compound("ContactPoint", ([system, value]) => `{ system: ${system}, value: ${value} }`)(call);
}

function reference(call: TransformCall): Value | undefined {
  const value = argument(call, 0);
  const js = value === undefined ? "" : `referenceTo(${raw(value)}, ${here(call)})`;
  return value === undefined ? undefined : { js, form: "raw", type: "System.String", certain: true };
}

function translate(call: TransformCall): Value | undefined {
  const value = argument(call, 0);
  const url = literalText(call, 1, "the ConceptMap");
  const field = literalText(call, 2, "the output of translate") ?? "";
  if (value === undefined || url === undefined) {
    return undefined;
  }
  const table: ConceptMapTable | undefined = call.place.unit.linked.conceptMap(call.place.map, url);
  if (table === undefined) {
    report(
      call.place,
      "unknown-concept-map",
      `no ConceptMap is named ${url}`,
      call.args[1]?.position ?? call.position,
    );
    return undefined;
  }
  return emitTranslate(call, { value, table, field, site: here(call) });
}

const transforms: Readonly<Record<string, Transform>> = {
  copy: { min: 1, max: 1, emit: (call) => argument(call, 0) },
  truncate: { min: 2, max: 2, emit: onValues("truncate", "System.String") },
  escape: { min: 2, max: 3, emit: onValues("escape", "System.String") },
  cast: { min: 1, max: 2, emit: cast },
  append: { min: 1, max: 100, emit: append },
  translate: { min: 2, max: 3, emit: translate },
  reference: { min: 1, max: 1, emit: reference },
  pointer: { min: 1, max: 1, emit: reference },
  dateOp: { min: 3, max: 3, emit: onValues("dateOp", "System.String") },
  uuid: { min: 0, max: 0, emit: () => ({ js: "uuid()", form: "raw", type: "System.String", certain: true }) },
  evaluate: { min: 2, max: 2, emit: evaluate },
  cc: {
    min: 1,
    max: 3,
    emit: (call) =>
      compound("CodeableConcept", (parts) =>
        parts.length === 1 ? `{ text: ${parts[0]} }` : `{ coding: [${codingOf(parts)}] }`,
      )(call),
  },
  c: { min: 2, max: 3, emit: compound("Coding", codingOf) },
  qty: { min: 1, max: 4, emit: quantity },
  id: { min: 2, max: 3, emit: compound("Identifier", identifierOf) },
  cp: { min: 1, max: 2, emit: contactPoint },
};
