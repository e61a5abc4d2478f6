import type { Bundle, Resource } from "@medplum/fhirtypes";
import { withReferences } from "./references.ts";

/**
 * Gives every resource of a Bundle its logical id and turns references between its entries (by fullUrl) into
 * `Type/id`. The Bundle itself is not changed.
 */
export async function withLogicalIds(
  bundle: Bundle,
  idOf: (resource: Resource) => Promise<string>,
): Promise<(Resource & { id: string })[]> {
  const entries = (bundle.entry ?? []).flatMap(({ resource, fullUrl }) =>
    resource ? [{ resource, fullUrl }] : [],
  );
  const ids = await Promise.all(entries.map(({ resource }) => idOf(resource)));
  const targets = new Map<string, string>();
  entries.forEach(({ resource, fullUrl }, index) => {
    if (fullUrl) targets.set(fullUrl, `${resource.resourceType}/${ids[index]}`);
  });
  return entries.map(({ resource }, index) => {
    const { resourceType, ...rest } = withReferences(
      resource,
      (reference) => targets.get(reference) ?? reference,
    );
    return { resourceType, ...rest, id: ids[index] } as Resource & { id: string };
  });
}
