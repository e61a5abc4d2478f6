import type { Typed } from "./expression.ts";

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
