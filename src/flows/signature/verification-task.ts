import type { Reference, Resource, Task } from "@medplum/fhirtypes";
import { canonicalBase } from "../../core/canonical.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import { labelled } from "./signed-document.ts";
import { signedTypeOf } from "./standing.ts";
import type { SignatureState } from "./state.ts";
import type { SignatureTerms } from "./terms.ts";

const statuses: Readonly<Partial<Record<SignatureState, Task["status"]>>> = {
  "verification-pending": "in-progress",
  signed: "completed",
  refused: "failed",
  cancelled: "cancelled",
};

/**
 * A signature that was queued for its verification, as FHIR clients look at it (E-26): the Task has the id of the
 * request. `document` is what came of it.
 */
export function toVerificationTask(
  { id, subject, submittedAt = 0, terms }: KeptSignature,
  { state, at, document }: { state: SignatureState; at: number; document?: { id: string; version: number } },
): Task & { id: string } {
  const { title, roleId } = terms as SignatureTerms;
  return {
    resourceType: "Task",
    id,
    ...labelled(terms as SignatureTerms),
    status: statuses[state] ?? "in-progress",
    intent: "order",
    code: {
      coding: [{ system: `${canonicalBase}/CodeSystem/gateway-task`, code: "signature-verification" }],
      text: "Проверка электронной подписи",
    },
    description: title,
    ...(subject && { for: { reference: `Patient/${subject}` } }),
    authoredOn: new Date(submittedAt).toISOString(),
    lastModified: new Date(at).toISOString(),
    requester: { reference: `PractitionerRole/${roleId}` },
    ...(document && {
      output: [
        {
          type: { text: "Подписанный документ" },
          valueReference: outcomeOf({ subject, terms }, document),
        },
      ],
    }),
  };
}

/** A document of no patient is read in the cabinet only: a literal reference would make the Task a patient's. */
function outcomeOf(
  { subject, terms }: Pick<KeptSignature, "subject" | "terms">,
  { id, version }: { id: string; version: number },
): Reference {
  const type = signedTypeOf({ terms });
  if (subject) return { reference: `${type}/${id}/_history/${version}` };
  return {
    type: type as Resource["resourceType"],
    identifier: { system: "urn:ietf:rfc:3986", value: `urn:uuid:${id}` },
  };
}
