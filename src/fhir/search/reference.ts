import type { Resource } from "@medplum/fhirtypes";
import type { SearchParameter } from "../provider.ts";
import type { Extraction, Typed } from "./expression.ts";

export interface References {
  /** `Type/id` of what lies here, or the address of what does not */
  readonly targets: readonly string[];
  /** of a logical reference */
  readonly identifier?: Typed;
}

const version = /\/_history\/[^/]+$/;

/** What a Reference, canonical or uri refers to; a contained resource is nothing that a search finds. */
export function referencesOf({ type, value }: Typed, baseUrl: string): References {
  if (typeof value === "string") return { targets: withoutVersion(value) };
  if (type !== "Reference" || typeof value !== "object" || value === null) return { targets: [] };
  const { reference, identifier } = value as { reference?: string; identifier?: unknown };
  const targets =
    reference === undefined || reference.startsWith("#")
      ? []
      : [localOf(reference.replace(version, ""), baseUrl)];
  return identifier === undefined
    ? { targets }
    : { targets, identifier: { type: "Identifier", value: identifier } };
}

/** An absolute address of this server as `Type/id`. */
export const localOf = (reference: string, baseUrl: string): string =>
  reference.startsWith(`${baseUrl}/`) ? reference.slice(baseUrl.length + 1) : reference;

const withoutVersion = (canonical: string) => [...new Set([canonical, canonical.replace(/\|.*$/, "")])];

/** Local references that stand under a parameter of a resource. */
export function referencesBy(
  parameter: (SearchParameter & { extract?: Extraction }) | undefined,
  resource: Resource,
  baseUrl: string,
): string[] {
  const { extract, path } = parameter ?? {};
  const found = extract
    ? extract({ type: resource.resourceType, value: resource }).flatMap(
        (value) => referencesOf(value, baseUrl).targets,
      )
    : [path && (resource as unknown as Record<string, unknown>)[path]]
        .flat()
        .map((value) => (value as { reference?: string } | undefined)?.reference)
        .filter((reference) => reference !== undefined)
        .map((reference) => localOf(reference, baseUrl));
  return found.filter((reference) => /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(reference));
}
