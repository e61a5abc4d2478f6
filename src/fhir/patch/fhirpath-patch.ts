import type { ParametersParameter, Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { findElement, type TypeTable } from "../../fml/types.ts";
import { type Members, misfit, type Place, Places } from "./place.ts";
import { type PatchValue, patchValueOf } from "./value.ts";

const mostOperations = 500;

interface PatchStep {
  path: string;
  places: Places;
  types: TypeTable;
  part(name: string): ParametersParameter | undefined;
}

const operations: Readonly<Record<string, (step: PatchStep) => void>> = {
  add,
  insert,
  delete: remove,
  replace,
  move,
};

/**
 * Applies a FHIRPath Patch (FHIR R4 fhirpatch) to a copy. Throws GatewayError `bad-request` for what is no patch and
 * `validation-failed` for one that does not fit the resource, naming the path.
 */
export function fhirPathPatched(
  resource: Resource,
  parameters: readonly ParametersParameter[],
  types: TypeTable,
): Resource {
  if (parameters.length > mostOperations)
    throw new GatewayError("bad-request", { detail: `at most ${mostOperations} operations` });
  const copy = structuredClone(resource);
  parameters.forEach((parameter, index) => {
    const part = (name: string) => parameter.part?.find((one) => one.name === name);
    const operation = part("type")?.valueCode ?? part("type")?.valueString ?? "";
    const path = part("path")?.valueString;
    if (parameter.name !== "operation" || !Object.hasOwn(operations, operation) || !path)
      throw new GatewayError("bad-request", {
        field: `Parameters.parameter[${index}]`,
        detail: `an operation has a path and a type: ${Object.keys(operations).join(", ")}`,
      });
    operations[operation]?.({ path, places: new Places(copy, types), types, part });
  });
  withoutEmpty(copy as unknown as Members);
  return copy;
}

function add({ path, places, types, part }: PatchStep): void {
  const { members, type } = places.ownerAt(path);
  const name = part("name")?.valueString ?? "";
  const definition = type === undefined ? undefined : types.get(type);
  const element = definition && findElement(definition, name);
  if (!element) throw misfit(path, "names an element that has no such child");
  const given = patchValueOf(part("value"), element, types);
  const { property } = given;
  if (element.array) insertAt({ owner: members, property, index: lengthOf(members, property) }, given);
  else put(members, property, given);
}

const lengthOf = (owner: Members, property: string): number =>
  Array.isArray(owner[property]) ? (owner[property] as unknown[]).length : 0;

function insert({ path, places, types, part }: PatchStep): void {
  const { owner, property, element } = places.listAt(path);
  const count = lengthOf(owner, property);
  const index = wholeNumber(part("index"), "index", count);
  insertAt({ owner, property, index }, patchValueOf(part("value"), element, types));
}

function replace({ path, places, types, part }: PatchStep): void {
  const place = places.placeAt(path);
  if (!place?.element) throw misfit(path, "names no element");
  const given = patchValueOf(part("value"), place.element, types);
  removeAt(place);
  if (place.index === undefined) put(place.owner, given.property, given);
  else insertAt(place, given);
}

function remove({ path, places }: PatchStep): void {
  const place = places.placeAt(path);
  if (place) removeAt(place);
}

function move({ path, places, part }: PatchStep): void {
  const { owner, property } = places.listAt(path);
  const count = lengthOf(owner, property);
  const source = wholeNumber(part("source"), "source", count - 1);
  const destination = wholeNumber(part("destination"), "destination", count - 1);
  for (const name of [property, `_${property}`]) {
    const list = owner[name];
    if (Array.isArray(list)) list.splice(destination, 0, ...list.splice(source, 1));
  }
}

function wholeNumber(part: ParametersParameter | undefined, field: string, most: number): number {
  const number = part?.valueInteger ?? part?.valueUnsignedInt ?? part?.valuePositiveInt;
  if (number === undefined || !Number.isInteger(number) || number < 0)
    throw new GatewayError("bad-request", { field, detail: "a whole number is due" });
  if (number > most)
    throw new GatewayError("validation-failed", { field, detail: `the list ends at ${most}` });
  return number;
}

function put(
  owner: Members,
  property: string,
  { value, companion }: Pick<PatchValue, "value" | "companion">,
): void {
  if (value !== undefined) owner[property] = value;
  if (companion !== undefined) owner[`_${property}`] = companion;
}

function insertAt(
  { owner, property, index = 0 }: Place,
  { value, companion }: Pick<PatchValue, "value" | "companion">,
) {
  const list = Array.isArray(owner[property]) ? (owner[property] as unknown[]) : [];
  const companions = owner[`_${property}`];
  if (Array.isArray(companions) || companion !== undefined) {
    const padded = Array.isArray(companions) ? companions : list.map(() => null);
    padded.splice(index, 0, companion ?? null);
    owner[`_${property}`] = padded;
  }
  list.splice(index, 0, value ?? null);
  owner[property] = list;
}

function removeAt({ owner, property, index }: Place): void {
  for (const name of [property, `_${property}`]) {
    const list = owner[name];
    if (index !== undefined && Array.isArray(list)) list.splice(index, 1);
    else delete owner[name];
  }
}

/** An element that lost its last content goes too; true when nothing is left of the value. */
function withoutEmpty(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === undefined;
  for (const [name, member] of Object.entries(value)) {
    if (Array.isArray(member)) {
      const kept = member.filter((item) => item === null || !withoutEmpty(item));
      (value as Members)[name] = kept;
      if (kept.every((item) => item === null)) delete (value as Members)[name];
    } else if (withoutEmpty(member)) delete (value as Members)[name];
  }
  return Object.keys(value).length === 0;
}
