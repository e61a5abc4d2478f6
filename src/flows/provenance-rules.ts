import type { OperationOutcomeIssue, Provenance } from "@medplum/fhirtypes";
import { subjectOf } from "../fhir/subject.ts";
import { issueOf } from "../fhir/validation/issues.ts";

/** Logical ids of the persons whose data stored resources are. */
export type SubjectsOf = (resources: readonly { type: string; id: string }[]) => Promise<readonly string[]>;

const stored = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/\d+)?$/;

/**
 * A Provenance of a patient's data names that Patient among its targets: R4 has no other place for it, and without it
 * the rules of access would take the Provenance for the organisation's own work.
 */
export async function provenanceIssues(
  provenance: Provenance,
  subjectsOf: SubjectsOf,
): Promise<OperationOutcomeIssue[]> {
  const targets = provenance.target.flatMap(({ reference = "" }) => {
    const [, type = "", id] = stored.exec(reference) ?? [];
    return id === undefined ? [] : [{ type, id }];
  });
  const named = subjectOf(provenance);
  const subjects = await subjectsOf(targets);
  if (subjects.every((subject) => subject === named)) return [];
  const detail =
    "a Provenance of a patient's data has that Patient, and nobody else's data, among its targets";
  return [issueOf({ kind: "wrong-value", path: "Provenance.target", detail })];
}
