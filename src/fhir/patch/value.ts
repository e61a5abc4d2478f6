import type { ParametersParameter } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { choiceProperty, findElement, type ResolvedElement, type TypeTable } from "../../fml/types.ts";
import type { Members } from "./place.ts";

/** What a patch puts in: the JSON property, its value, and the companion with a primitive's id and extensions. */
export interface PatchValue {
  property: string;
  value: unknown;
  companion?: unknown;
}

/**
 * The value of a patch's part for an element: `value[x]`, or parts for a type without a name of its own. Throws
 * GatewayError `bad-request` when there is none.
 */
export function patchValueOf(
  part: ParametersParameter | undefined,
  element: ResolvedElement,
  types: TypeTable,
): PatchValue {
  if (part?.part) return { property: element.property, value: built(part.part, element, types) };
  if (part?.resource) return { property: element.property, value: part.resource };
  const members = Object.entries(part ?? {});
  const key = members.map(([name]) => name.replace(/^_/, "")).find((name) => /^value[A-Z]/.test(name));
  if (key === undefined) throw new GatewayError("bad-request", { field: "value", detail: "a value is due" });
  const given = part as unknown as Members;
  return {
    property: propertyFor(element, key.slice("value".length)),
    value: given[key],
    companion: given[`_${key}`],
  };
}

/** A choice stands under the name of its value's type. */
function propertyFor({ choice, property, types }: ResolvedElement, type: string): string {
  if (choice === undefined) return property;
  const variant = types.map((one) => choiceProperty(choice, one)).find((name) => name === `${choice}${type}`);
  if (variant === undefined)
    throw new GatewayError("bad-request", { field: "value", detail: "not a type of the choice" });
  return variant;
}

function built(
  parts: readonly ParametersParameter[],
  { types: [type = ""] }: ResolvedElement,
  table: TypeTable,
): Members {
  const definition = table.get(type);
  const made: Members = {};
  for (const part of parts) {
    const element = definition && findElement(definition, part.name ?? "");
    if (!element)
      throw new GatewayError("bad-request", { field: "value", detail: "the type has no such element" });
    const { property, value, companion } = patchValueOf(part, element, table);
    const earlier = (made[property] as unknown[] | undefined) ?? [];
    const members = element.array
      ? { [property]: [...earlier, value] }
      : { [property]: value, [`_${property}`]: companion };
    Object.assign(made, members);
  }
  return made;
}
