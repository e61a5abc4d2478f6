import type { Bundle, Resource } from "@medplum/fhirtypes";

/**
 * Gives every resource of a Bundle its logical id and turns references between its entries (by fullUrl) into
 * `Type/id`. The Bundle itself is not changed.
 */
export async function withLogicalIds(
  bundle: Bundle,
  idOf: (resource: Resource) => Promise<string>,
): Promise<Resource[]> {
  const entries = (bundle.entry ?? []).flatMap(({ resource, fullUrl }) =>
    resource ? [{ resource, fullUrl }] : [],
  );
  const ids = await Promise.all(entries.map(({ resource }) => idOf(resource)));
  const targets = new Map<string, string>();
  entries.forEach(({ resource, fullUrl }, index) => {
    if (fullUrl) targets.set(fullUrl, `${resource.resourceType}/${ids[index]}`);
  });
  return entries.map(({ resource }, index) => {
    const { resourceType, ...rest } = rewritten(resource, targets) as Resource;
    return { resourceType, ...rest, id: ids[index] } as Resource;
  });
}

function rewritten(node: unknown, targets: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(node)) return node.map((item) => rewritten(item, targets));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "reference" && typeof value === "string"
        ? (targets.get(value) ?? value)
        : rewritten(value, targets),
    ]),
  );
}
