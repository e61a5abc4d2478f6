import type { MedicationDispense, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { GatewayError } from "../../core/errors.ts";
import { storedReferenceOf } from "../../fhir/references.ts";
import type { ChangeListener } from "../../fhir/repository.ts";
import { subjectsOfStored } from "../../store/resource-subjects.ts";
import type { Schema } from "../../store/schema.ts";
import type { SignatureStore } from "../../store/signatures.ts";
import { standingHeads } from "./standing.ts";
import type { SignatureTerms } from "./terms.ts";

// a pharmacy may say that it gave nothing whatever the state of the prescription
const givesNothing: ReadonlySet<string> = new Set(["declined", "cancelled", "entered-in-error"]);

// the first pause of the job that asks again
const retryAfterSeconds = 60;

/**
 * What is dispensed was prescribed under a signature in force: holds it for prescriptions that are stored here, at the
 * end of each transaction that dispenses. Throws `prescription-not-signed`, and `signature-unverified` while one waits
 * for its check.
 */
export const dispensingListener =
  (store: SignatureStore): ChangeListener =>
  async (trx, { key: { tenant }, before, after }) => {
    if (after?.resourceType !== "MedicationDispense" || givesNothing.has(after.status)) return;
    const given = givenBy(before);
    const resources = prescriptionsOf(after).filter(({ id }) => !given.has(id));
    const subjects = await subjectsOfStored(trx, { tenant, resources });
    for (const { type, id } of resources) {
      const subject = subjects.get(`${type}/${id}`);
      if (subject === undefined) continue;
      if ((await standingHeads(store, { tenant, type, id }, trx)).length > 0) continue;
      throw await notSigned(store, { tenant, subject: subject ?? undefined, type, id }, trx);
    }
  };

async function notSigned(
  store: SignatureStore,
  { type, id, ...of }: { tenant: string; subject: string | undefined; type: string; id: string },
  trx: Kysely<Schema>,
): Promise<GatewayError> {
  const field = "MedicationDispense.authorizingPrescription";
  const isWaiting = (await store.heads.waiting(of, trx)).some(({ terms }) => {
    const { resource } = terms as SignatureTerms;
    return resource?.type === type && resource.id === id;
  });
  return isWaiting
    ? new GatewayError("signature-unverified", {
        ...{ field, retryAfter: retryAfterSeconds },
        detail: "the prescription is verification-pending",
      })
    : new GatewayError("prescription-not-signed", {
        field,
        detail: "no signature over the prescription is in force",
      });
}

// what was given is told further whatever became of its prescription
const givenBy = (before: Resource | undefined): ReadonlySet<string> =>
  new Set(
    before?.resourceType === "MedicationDispense" && before.status === "completed"
      ? prescriptionsOf(before).map(({ id }) => id)
      : [],
  );

const prescriptionsOf = ({ authorizingPrescription = [] }: MedicationDispense) =>
  authorizingPrescription.flatMap(({ reference }) => {
    const named = storedReferenceOf(reference);
    return named?.type === "MedicationRequest" ? [named] : [];
  });
