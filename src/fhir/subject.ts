import type { Resource } from "@medplum/fhirtypes";

// of the patient compartment (FHIR R4 compartmentdefinition-patient), and what R4 leaves out of it: Task.for
const elements = [
  "patient",
  "subject",
  "beneficiary",
  "for",
  "securityContext",
  "target",
  "actor",
  "participant",
] as const;

const patientReference = /(?:^|\/)Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/;

/** Logical id of the patient whose data the resource is; undefined for what is nobody's. */
export function subjectOf(resource: Resource): string | undefined {
  if (resource.resourceType === "Patient") return resource.id;
  const members = resource as unknown as Record<string, unknown>;
  for (const name of elements) {
    if (members[name] === undefined) continue;
    for (const value of [members[name]].flat()) {
      const id = patientReference.exec(referenceIn(value))?.[1];
      if (id) return id;
    }
  }
  return undefined;
}

/** Text of a Reference, or of the `actor` of a participant. */
function referenceIn(value: unknown): string {
  const { reference, actor } = (value ?? {}) as { reference?: unknown; actor?: unknown };
  if (typeof reference === "string") return reference;
  return actor === undefined ? "" : referenceIn(actor);
}
