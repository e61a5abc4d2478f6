import type { Reference, Resource } from "@medplum/fhirtypes";
import type { SearchParameter } from "../../../src/fhir/provider.ts";
import { definedOf, type Path, pathOf } from "./sample.ts";

/** Two resources that a value tells apart: `one` has it. */
export interface Pair {
  one: Resource;
  /** absent: all that is held has the value */
  other: Resource | undefined;
  leaf: unknown;
  value: string;
}

/** One that has a value and one that has it not. */
export function pairOf(
  all: readonly Resource[],
  { type, parameter }: { type: string; parameter: SearchParameter },
): Pair | undefined {
  const path = pathOf(definedOf(type, parameter.name) ?? { expression: `${type}.${parameter.name}` });
  const of = (resource: Resource) =>
    parameter.name === "_id"
      ? [resource.id]
      : leavesOf(resource, path.steps).filter((leaf) => isOf(path, leaf));
  const texts = (resource: Resource) => of(resource).map((leaf) => textOf(leaf, parameter));
  let last: Pair | undefined;
  for (const one of all)
    for (const leaf of of(one)) {
      const value = textOf(leaf, parameter);
      const other =
        value === undefined ? undefined : all.find((each) => texts(each).every((text) => lacks(text, value)));
      if (value && other) return { one, other, leaf, value };
      if (value) last = { one, other, leaf, value };
    }
  return last;
}

/** `ge` finds what is later too, and `lt` what is earlier. */
const lacks = (text: string | undefined, value: string) =>
  text === undefined || (/^(ge|lt)\d/.test(value) ? isBeyond(text, value) : !text.includes(value.slice(1)));

const isBeyond = (text: string, value: string) => (value.startsWith("ge") ? text < value : text > value);

const isOf = ({ system }: Path, leaf: unknown) =>
  system === undefined || (leaf as { system?: string }).system === system;

function leavesOf(value: unknown, steps: readonly string[]): unknown[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [value];
  const next = [(value as Record<string, unknown>)[step]].flat();
  return next.filter((one) => one !== undefined).flatMap((one) => leavesOf(one, rest));
}

function textOf(leaf: unknown, { type, modifiers }: SearchParameter): string | undefined {
  if (typeof leaf === "string") return type === "date" && !modifiers ? `ge${leaf}` : leaf;
  if (typeof leaf === "boolean") return String(leaf);
  const { reference, coding, system, value, start, family, state } = leaf as Record<string, string> & {
    coding?: { system?: string; code?: string }[];
  };
  if (type === "reference") return reference;
  if (coding) return `${coding[0]?.system}|${coding[0]?.code}`;
  if (type === "token") return system === "phone" ? value : `${system}|${value}`;
  return start ? `lt${dayAfter(start)}` : (family ?? state);
}

/** The references of a resource under a parameter. */
export const leavesBy = (resource: Resource, type: string, name: string): readonly Reference[] =>
  leavesOf(resource, pathOf(definedOf(type, name) ?? { expression: `${type}.${name}` }).steps) as Reference[];

const dayAfter = (day: string): string => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
