import type { Bundle, BundleEntry, Coding, Resource } from "@medplum/fhirtypes";
import { elementsOfType, type FhirElement, isPrimitiveType } from "./elements.ts";

/** `_summary` of a value other than false, or the names of `_elements` (FHIR R4 3.1.1.5.8, 3.1.1.5.9). */
export type Subset = "true" | "text" | "data" | "count" | readonly string[];

/** Tag of a resource that is shown in part. */
export const subsetted: Coding = {
  system: "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
  code: "SUBSETTED",
};

/** True for a resource that says it is only a part, so that it can't stand for the whole. */
export const isSubset = ({ meta }: Resource): boolean =>
  ([meta?.tag].flat() as (Coding | undefined)[]).some(
    (tag) => tag?.system === subsetted.system && tag?.code === subsetted.code,
  );

type Members = Readonly<Record<string, unknown>>;

/** The part of a resource that is asked for, marked as such; of a Bundle that of its entries. */
export function subsetOf(resource: Resource, subset: Subset): Resource {
  if (resource.resourceType === "Bundle") return subsetOfBundle(resource, subset);
  // what was refused or warned of is told in full
  if (resource.resourceType === "OperationOutcome" || subset === "count") return resource;
  const kept = keptOf(resource as unknown as Members, resource.resourceType, keeping(subset));
  const tag = [...(resource.meta?.tag ?? []), subsetted];
  const { resourceType, id } = resource;
  return { resourceType, id, ...kept, meta: { ...resource.meta, tag } } as Resource;
}

function subsetOfBundle(bundle: Bundle, subset: Subset): Bundle {
  if (subset !== "count")
    return { ...bundle, ...(bundle.entry && { entry: bundle.entry.map((one) => entryOf(one, subset)) }) };
  const { entry, link, ...counted } = bundle;
  const told = entry?.filter(({ search }) => search?.mode === "outcome") ?? [];
  return {
    ...counted,
    ...(link && { link: link.filter(({ relation }) => relation === "self") }),
    ...(told.length > 0 && { entry: told }),
  };
}

const entryOf = (entry: BundleEntry, subset: Subset): BundleEntry =>
  entry.resource ? { ...entry, resource: subsetOf(entry.resource, subset) } : entry;

type Keeping = (element: FhirElement, isTop: boolean) => boolean;

const always = new Set(["id", "meta"]);

function keeping(subset: Exclude<Subset, "count">): Keeping {
  if (subset === "true") return ({ summary, mandatory }) => summary || mandatory;
  if (subset === "data") return ({ name }, isTop) => !isTop || name !== "text";
  const names = new Set(subset === "text" ? ["text"] : subset);
  return ({ name, choiceOf, mandatory }, isTop) =>
    !isTop ||
    mandatory ||
    always.has(name) ||
    names.has(name) ||
    (choiceOf !== undefined && names.has(choiceOf));
}

function keptOf(members: Members, type: string, keeps: Keeping, isTop = true): Record<string, unknown> {
  const elements = elementsOfType(type);
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(members)) {
    const element = elements?.get(key.replace(/^_/, ""));
    if (element && keeps(element, isTop)) kept[key] = within(value, element, keeps);
  }
  return kept;
}

/** Only the parts of the resource itself are looked into: a data type is shown whole. */
function within(value: unknown, { type }: FhirElement, keeps: Keeping): unknown {
  if (!type.includes(".") || isPrimitiveType(type)) return value;
  if (Array.isArray(value)) return value.map((one) => keptOf(one as Members, type, keeps, false));
  return keptOf(value as Members, type, keeps, false);
}
