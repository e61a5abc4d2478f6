import type { Resource } from "@medplum/fhirtypes";
import { elementsOfType, type FhirElement } from "../../../src/fhir/elements.ts";
import { parameterTable } from "../../../src/fhir/search/parameter-table.ts";

/** A search parameter as R4 defines it, read anew from the definitions and not from what the gateway compiled. */
export interface Defined {
  type: string;
  name: string;
  kind: string;
  targets: readonly string[];
  expression: string;
}

export interface Sample {
  resource: Resource;
  /** what finds it */
  value: string;
  /** the types of the value's element */
  leaf: string;
}

const defined: readonly Defined[] = parameterTable
  .trim()
  .split("\n")
  .map((line) => {
    const [type = "", name = "", kind = "", targets = "", expression = ""] = line.split("\t");
    return { type, name, kind, targets: targets.split(",").filter(Boolean), expression };
  });

export const definedOf = (type: string, name: string): Defined | undefined =>
  defined.find((one) => one.name === name && (one.type === type || one.type === "Resource"));

export interface Path {
  steps: readonly string[];
  /** type of a choice */
  as?: string;
  /** of a ContactPoint */
  system?: string;
  /** type that a reference must name */
  resolves?: string;
}

/** The first alternative of an expression as steps below the resource. */
export function pathOf({ expression }: Pick<Defined, "expression">): Path {
  const [first = ""] = expression.split(" | ");
  const as = /\bas ([A-Za-z]+)\)|\.as\(([A-Za-z]+)\)/.exec(first);
  const system = /system='(\w+)'/.exec(first)?.[1];
  const resolves = /resolve\(\) is (\w+)/.exec(first)?.[1];
  const plain = first
    .replace(/ as [A-Za-z]+\)/, "")
    .replace(/\.as\([A-Za-z]+\)/, "")
    .replace(/\.where\(.*\)$/, "")
    .replace(/\.exists\(\).*$/, "")
    .replace("(", "");
  const steps = plain.split(".").slice(1);
  const type = as?.[1] ?? as?.[2];
  return { steps, ...(type && { as: type }), ...(system && { system }), ...(resolves && { resolves }) };
}

/** A resource that has the `n`th of several values where the parameter looks; undefined when none can be made. */
export function sampleOf(type: string, parameter: Defined, n: number): Sample | undefined {
  const path = pathOf(parameter);
  const made = placed(type, path.steps, { parameter, path, n });
  return (
    made && {
      resource: { resourceType: type, ...made.value } as Resource,
      value: made.asked,
      leaf: made.leaf,
    }
  );
}

interface Making {
  parameter: Defined;
  path: Path;
  n: number;
}

interface Made<T> {
  value: T;
  asked: string;
  leaf: string;
}

function placed(
  type: string,
  steps: readonly string[],
  making: Making,
): Made<Record<string, unknown>> | undefined {
  const [name = "", ...rest] = steps;
  const elements = [...(elementsOfType(type)?.values() ?? [])];
  const places = elements.filter((one) => one.name === name || one.choiceOf === name);
  const { as } = making.path;
  const fitting = rest.length === 0 && as ? places.filter((one) => one.type === as) : places;
  for (const place of fitting) {
    const inner = rest.length > 0 ? placed(place.type, rest, making) : leafOf(place, making);
    if (inner) return { ...inner, value: { [place.name]: place.array ? [inner.value] : inner.value } };
  }
  return undefined;
}

const day = (n: number) => `202${n}-0${n}-1${n}`;
const system = "urn:capability";

function leafOf({ type }: FhirElement, { parameter, path, n }: Making): Made<unknown> | undefined {
  const made = (value: unknown, asked: string): Made<unknown> => ({ value, asked, leaf: type });
  const code = `code-${n}`;
  switch (parameter.kind) {
    case "token":
      return tokenLeaf(type, { code, n, contact: path.system ?? "phone" }, made);
    case "reference": {
      if (!/^(Reference|canonical|uri)$/.test(type)) return undefined;
      if (type !== "Reference")
        return made(`https://c.example/${parameter.name}/${n}`, `https://c.example/${parameter.name}/${n}`);
      const target = path.resolves ?? targetOf(parameter);
      return made({ reference: `${target}/sample-${n}` }, `${target}/sample-${n}`);
    }
    case "string":
      return stringLeaf(type, n, made);
    case "uri":
      return made(`https://c.example/a/${n}`, `https://c.example/a/${n}`);
    case "date":
      return dateLeaf(type, n, made);
    default:
      return quantityLeaf(type, n, made);
  }
}

export const targetOf = ({ targets }: Defined): string =>
  targets[0] === "*" ? "Patient" : (targets[0] ?? "Patient");

type Maker = (value: unknown, asked: string) => Made<unknown>;

function tokenLeaf(
  type: string,
  { code, n, contact }: { code: string; n: number; contact: string },
  made: Maker,
) {
  const text = `${system}|${code}`;
  switch (type) {
    case "CodeableConcept":
      return made({ coding: [{ system, code }] }, text);
    case "Coding":
      return made({ system, code }, text);
    case "Identifier":
      return made({ system, value: code, type: { coding: [{ system: "urn:kind", code: "K" }] } }, text);
    case "ContactPoint":
      return contact === "email"
        ? made({ system: contact, value: `n${n}@c.example` }, `N${n}@c.example`)
        : made({ system: contact, value: `+7 (900) 000-00-0${n}` }, `7900000000${n}`);
    case "boolean":
      return made(n === 1, String(n === 1));
    default:
      return /^[a-z]/.test(type) ? made(code, code) : undefined;
  }
}

function stringLeaf(type: string, n: number, made: Maker) {
  const text = `Ёлка${n} зелёная`;
  const asked = `елка${n}`;
  if (type === "HumanName") return made({ family: text }, asked);
  if (type === "Address") return made({ city: text, use: "home" }, asked);
  return /^[a-z]/.test(type) ? made(text, asked) : undefined;
}

function dateLeaf(type: string, n: number, made: Maker) {
  if (type === "Period") return made({ start: day(n), end: day(n) }, day(n));
  if (type === "Timing") return made({ event: [day(n)] }, day(n));
  if (type === "instant") return made(`${day(n)}T10:00:00Z`, day(n));
  return type === "date" || type === "dateTime" ? made(day(n), day(n)) : undefined;
}

function quantityLeaf(type: string, n: number, made: Maker) {
  const quantity = { value: n * 10, system: "http://unitsofmeasure.org", code: "mg" };
  if (type === "Range") return made({ low: quantity, high: quantity }, String(n * 10));
  if (type === "Money") return made({ value: n * 10, currency: "RUB" }, String(n * 10));
  if (/^(decimal|integer|positiveInt|unsignedInt)$/.test(type)) return made(n * 10, String(n * 10));
  return /^(Quantity|SimpleQuantity|Age|Duration)$/.test(type)
    ? made(quantity, `${n * 10}|http://unitsofmeasure.org|mg`)
    : undefined;
}
