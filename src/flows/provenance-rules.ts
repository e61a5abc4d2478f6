import type { OperationOutcomeIssue, Provenance, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { accessedOf, subjectElementOf, targetsOf } from "../access/accessed-of.ts";
import { classOf, isAboutPatients } from "../access/data-classes.ts";
import { GatewayError } from "../core/errors.ts";
import { referencesIn, storedReferenceOf } from "../fhir/references.ts";
import type { ChangeListener, RepositoryChange } from "../fhir/repository.ts";
import type { SearchIndex } from "../fhir/search/search-index.ts";
import { subjectOf } from "../fhir/subject.ts";
import { issueOf } from "../fhir/validation/issues.ts";
import { subjectsOfStored } from "../store/resource-subjects.ts";
import type { Schema } from "../store/schema.ts";

const nameThePatient =
  "a Provenance of a patient's data has that Patient, and nobody else's data, among its targets";

/**
 * A Provenance of a patient's data names that Patient among its targets: R4 has no other place for it, and without it
 * the rules of access would take the Provenance for the organisation's own work. So one that names nobody has
 * references of ours as its targets, of types that hold no patient's data.
 */
export function provenanceIssues(provenance: Provenance): OperationOutcomeIssue[] {
  const named = subjectOf(provenance);
  const isKept = targetsOf(provenance).every((target) => {
    if (target?.type === "Patient") return target.id === named;
    return named !== undefined || (target && !isAboutPatients(target.type));
  });
  return isKept ? [] : [issue(nameThePatient)];
}

/** The same of work and messages that refer to a patient's data: their own element names the patient. */
export const workIssues = (resource: Resource): OperationOutcomeIssue[] =>
  subjectElementOf(resource) && accessedOf(resource).subjectUnnamed ? [unnamed(resource)] : [];

/**
 * Holds that rule at the end of each transaction, when all that it makes is there: every target of ours exists and is
 * of the Patient who is named, and nothing becomes another person's while a Provenance over it names the first.
 */
export const provenanceListener =
  (index: SearchIndex): ChangeListener =>
  async (trx, change) => {
    if (change.after?.resourceType === "Provenance") await refuseStrangers(trx, change, change.after);
    else {
      if (change.after) await refuseUnnamed(trx, change, change.after);
      if (isOfAnother(change)) await refuseLeftBehind(trx, change, index);
    }
  };

async function refuseUnnamed(
  trx: Kysely<Schema>,
  { key: { tenant, type } }: RepositoryChange,
  resource: Resource,
): Promise<void> {
  if (!subjectElementOf(resource) || subjectOf(resource) !== undefined) return;
  const resources = referencesIn(resource).flatMap((reference) => storedReferenceOf(reference) ?? []);
  const subjects = await subjectsOfStored(trx, { tenant, resources });
  if ([...subjects.values()].some((subject) => subject !== null))
    throw new GatewayError("validation-failed", { field: type, issues: [unnamed(resource)] });
}

async function refuseStrangers(
  trx: Kysely<Schema>,
  { key: { tenant } }: RepositoryChange,
  provenance: Provenance,
): Promise<void> {
  const named = subjectOf(provenance);
  const targets = targetsOf(provenance).flatMap((target) =>
    target && target.type !== "Patient" && classOf(target.type) !== "system" ? [target] : [],
  );
  const subjects = await subjectsOfStored(trx, { tenant, resources: targets });
  for (const { type, id } of targets) {
    const subject = subjects.get(`${type}/${id}`);
    if (subject === undefined) throw refused("Provenance", `there is no ${type} of this id`);
    if (subject !== null && subject !== named) throw refused("Provenance", nameThePatient);
  }
}

/** Made anew, a resource has no version before, though a Provenance may still be over its earlier ones. */
const isOfAnother = ({ version, before, after }: RepositoryChange): boolean =>
  after !== undefined && version > 1 && (!before || subjectOf(before) !== subjectOf(after));

// more is not looked through, and refused
const mostProvenances = 1_000;

async function refuseLeftBehind(
  trx: Kysely<Schema>,
  { key: { tenant, type, id }, after }: RepositoryChange,
  index: SearchIndex,
): Promise<void> {
  const over = { parameters: ["target"], target: `${type}/${id}` };
  const query = { tenant, types: ["Provenance"], tests: [], sort: [], compartment: over };
  const { hits, more } = await index.search(trx, query, { limit: mostProvenances });
  const subjects = await subjectsOfStored(trx, { tenant, resources: hits });
  const subject = (after && subjectOf(after)) ?? null;
  if (more || [...subjects.values()].some((one) => one !== subject))
    throw refused(type, "a Provenance over it names whose it was: change that with it");
}

const issue = (detail: string, path = "Provenance.target") => issueOf({ kind: "wrong-value", path, detail });

const unnamed = (resource: Resource) =>
  issueOf({
    kind: "wrong-value",
    path: `${resource.resourceType}.${subjectElementOf(resource)}`,
    detail: "what refers to a patient's data names that Patient here",
  });

const refused = (type: string, detail: string) =>
  new GatewayError("validation-failed", {
    field: type,
    issues: [type === "Provenance" ? issue(detail) : issue(detail, type)],
  });
