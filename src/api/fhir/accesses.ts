import type { Bundle, Resource } from "@medplum/fhirtypes";
import { makerOf } from "../../access/accessed-of.ts";
import { subjectOf } from "../../fhir/subject.ts";
import type { Access } from "../../plugins/journal.ts";

/** A row for each resource that tells of a person; a search that brought none is a row too. */
export function accessesOf({ type }: { type: string }, { entry = [] }: Bundle): Omit<Access, "action">[] {
  const resources = entry.flatMap(({ resource, search }) =>
    resource && search?.mode !== "outcome" ? [resource] : [],
  );
  const personal = resources.flatMap((resource) => {
    const subject = personOf(resource);
    return subject === undefined ? [] : [accessOf(resource, subject)];
  });
  const [only, ...others] = resources;
  return personal.length
    ? personal
    : [{ resourceType: type, resourceId: others.length ? undefined : only?.id }];
}

/** What the journal has of a resource that was shown. */
export const accessOf = (resource: Resource, subject = personOf(resource)): Omit<Access, "action"> => ({
  holder: makerOf(resource),
  resourceType: resource.resourceType,
  resourceId: resource.id,
  subject,
});

/** Logical id of the person whom the resource is about, for the journal. */
export function personOf(resource: Resource): string | undefined {
  if (resource.resourceType === "Practitioner") return resource.id;
  if (resource.resourceType !== "PractitionerRole") return subjectOf(resource);
  return resource.practitioner?.reference?.split("/").at(-1);
}
