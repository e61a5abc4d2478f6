import type { ElementDefinition, ElementDefinitionType, StructureDefinition } from "@medplum/fhirtypes";
import { type Constraint, constraintOf } from "./invariants.ts";
import type { AllowedCodes } from "./rules.ts";

/** What a profile says of one element beyond its type's definition. */
export interface ProfileElement {
  readonly element: string;
  readonly min: number;
  /** Infinity for `*` */
  readonly max: number;
  /** types that a choice may still have; undefined: all */
  readonly types: readonly string[] | undefined;
  readonly targets: readonly string[] | undefined;
  /** the item must hold at least this */
  readonly pattern: unknown;
  /** the item must be just this */
  readonly fixed: unknown;
  readonly codes: AllowedCodes | undefined;
  /** code system of НСИ of which all codes are allowed; nothing of it is in memory */
  readonly dictionary: string | undefined;
  readonly constraints: readonly Constraint[];
  readonly slices: readonly Slice[];
  /** no items beside the slices */
  readonly closed: boolean;
  readonly children: readonly ProfileElement[];
}

export interface Slice extends ProfileElement {
  readonly name: string;
  /** an item is of the slice when each path holds what is said there */
  readonly marks: readonly { readonly path: readonly string[]; readonly pattern: unknown }[];
}

export interface Profile {
  readonly url: string;
  readonly type: string;
  readonly base: string;
  readonly root: ProfileElement;
}

type CodesOf = (valueSet: string) => AllowedCodes | undefined;

// the value set of all codes of a dictionary
const wholeDictionary = /^(urn:oid:[0-9.]+)\?fhir_vs$/;
const typeBase = "http://hl7.org/fhir/StructureDefinition/";

/** Compiles the differential of a StructureDefinition; slices are told apart by value, pattern or url. */
export function compileProfile(definition: StructureDefinition, codesOf: CodesOf): Profile {
  const { url = "", type = "", baseDefinition = "", differential } = definition;
  const root = new Branch(type);
  for (const element of differential?.element ?? []) root.at(element.id ?? "").definition = element;
  return { url, type, base: baseDefinition, root: elementOf(root, codesOf) };
}

/** The differential as a tree, by the steps of the elements' ids: `Task.input:line.value[x]`. */
class Branch {
  readonly step: string;
  definition: ElementDefinition = { path: "" };
  readonly #steps = new Map<string, Branch>();
  readonly #slices = new Map<string, Branch>();

  constructor(step: string) {
    this.step = step;
  }

  get steps(): readonly Branch[] {
    return [...this.#steps.values()];
  }

  get slices(): readonly Branch[] {
    return [...this.#slices.values()];
  }

  at(id: string): Branch {
    return id
      .split(".")
      .slice(1)
      .reduce<Branch>((branch, part) => {
        const [step = "", slice] = part.replace("[x]", "").split(":");
        const next = childOf(branch.#steps, step);
        return slice === undefined ? next : childOf(next.#slices, slice);
      }, this);
  }

  find(path: readonly string[]): Branch | undefined {
    const [step, ...rest] = path;
    return step === undefined ? this : this.#steps.get(step)?.find(rest);
  }
}

function childOf(branches: Map<string, Branch>, name: string): Branch {
  const branch = branches.get(name) ?? new Branch(name);
  branches.set(name, branch);
  return branch;
}

function elementOf(branch: Branch, codesOf: CodesOf): ProfileElement {
  const { min = 0, max, type, slicing, constraint = [], binding } = branch.definition;
  const required = binding?.strength === "required" ? binding.valueSet : undefined;
  return {
    element: branch.step,
    min,
    max: max === undefined || max === "*" ? Number.POSITIVE_INFINITY : Number(max),
    types: type?.map(({ code = "" }) => code),
    targets: targetsOf(type),
    pattern: saidBy(branch.definition, "pattern"),
    fixed: saidBy(branch.definition, "fixed"),
    codes: required === undefined ? undefined : codesOf(required.replace(/\|.*/, "")),
    dictionary: wholeDictionary.exec(required ?? "")?.[1],
    constraints: constraint.flatMap(({ key = "", severity = "error", expression = "true", human = "" }) => {
      const row = { key, severity, expression, human };
      return constraintOf(row) ?? [];
    }),
    slices: branch.slices.map((slice) => ({
      ...elementOf(slice, codesOf),
      name: slice.step,
      marks: (slicing?.discriminator ?? []).map(({ path = "" }) => markOf(slice, path)),
    })),
    closed: slicing?.rules === "closed",
    children: branch.steps.map((step) => elementOf(step, codesOf)),
  };
}

// a slice of extensions is known by the url of the extension's own definition
function markOf(slice: Branch, path: string): Slice["marks"][number] {
  const steps = path === "$this" ? [] : path.split(".");
  const definition = slice.find(steps)?.definition;
  const told = definition && (saidBy(definition, "fixed") ?? saidBy(definition, "pattern"));
  const [extension] = slice.definition.type?.[0]?.profile ?? [];
  return { path: steps, pattern: told ?? (path === "url" ? extension : undefined) };
}

function saidBy(definition: ElementDefinition, kind: "fixed" | "pattern"): unknown {
  return Object.entries(definition).find(([name]) => name.startsWith(kind))?.[1];
}

function targetsOf(types: readonly ElementDefinitionType[] | undefined): readonly string[] | undefined {
  const targets = (types ?? []).flatMap(({ targetProfile = [] }) => targetProfile);
  const names = targets.filter((url) => url.startsWith(typeBase)).map((url) => url.slice(typeBase.length));
  return names.length > 0 && names.length === targets.length ? names : undefined;
}

/** Whether a value holds all of a pattern; of a pattern's list each item must be somewhere (R4 pattern[x]). */
export function holdsPattern(value: unknown, pattern: unknown): boolean {
  if (typeof pattern !== "object" || pattern === null) return value === pattern;
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((part) => value.some((item) => holdsPattern(item, part)));
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(pattern).every(([name, part]) =>
    holdsPattern((value as Readonly<Record<string, unknown>>)[name], part),
  );
}
