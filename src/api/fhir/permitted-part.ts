import type { Bundle, BundleEntry, Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { outcomeOf } from "../../fhir/outcome.ts";

/** What is stored somewhere, at any depth; Bundles, outcomes and parameters are made for the answer. */
export function storedIn(resource: Resource): Resource[] {
  if (resource.resourceType === "Bundle")
    return (resource.entry ?? []).flatMap(({ resource: one }) => (one ? storedIn(one) : []));
  return resource.id === undefined ? [] : [resource];
}

/** The resource without what is refused; undefined when it is refused itself, as a document is with any of its parts. */
export function permittedPart(resource: Resource, refused: ReadonlySet<Resource>): Resource | undefined {
  if (refused.has(resource)) return undefined;
  if (resource.resourceType !== "Bundle") return resource;
  const { type, entry: entries = [], total, ...bundle } = resource;
  const kept = entries.map((entry) => ({
    entry,
    part: entry.resource && permittedPart(entry.resource, refused),
  }));
  const lost = kept.filter(({ entry, part }) => entry.resource && !part).length;
  if (type === "document" && lost > 0) return undefined;
  const entry = kept.flatMap(({ entry: one, part }) => {
    if (!one.resource) return [one];
    if (part) return [{ ...one, resource: part }];
    if (!type.endsWith("-response")) return [];
    // answers stand in the order of what was asked; what was changed stays changed
    return [one.response?.location === undefined ? refusal : { response: one.response }];
  });
  return { ...bundle, type, ...(total !== undefined && { total: total - lost }), entry } as Bundle;
}

const refusal: BundleEntry = {
  response: { status: "403 Forbidden", outcome: outcomeOf(new GatewayError("access-denied")) },
};
