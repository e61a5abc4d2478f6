import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { AccessedResource } from "../../access/access-facts.ts";
import type { RegionalPolicies } from "../../access/regional-policy.ts";
import type { RequestContext } from "../../core/context.ts";
import type { CoSignatures } from "../../flows/signature/co-signatures.ts";
import type { OrgSigner } from "../../flows/signature/org-signer.ts";
import type { Move } from "../../flows/signature/settlement.ts";
import type { Signatures } from "../../flows/signature/signatures.ts";
import type { SigningRules } from "../../flows/signature/signing-rules.ts";
import type { SignatureTerms } from "../../flows/signature/terms.ts";
import type { Access } from "../../plugins/journal.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { KeptAnswer } from "../../store/idempotency.ts";
import type { Schema } from "../../store/schema.ts";
import type { SignatureHead } from "../../store/signature-heads.ts";
import type { KeptSignature } from "../../store/signatures.ts";

export interface MySignaturesParts {
  door: SessionDoor;
  signatures: Signatures;
  coSignatures: CoSignatures;
  regions: RegionalPolicies;
  rules: SigningRules;
  /** of the worker's PractitionerRole: codes of dictionary 11.1002 */
  postsOf(roleId: string, ctx: RequestContext): Promise<readonly string[]>;
  /** a stored resource of an organisation; throws `not-found` and `gone` */
  storedResource(key: { tenant: string; type: string; id: string }): Promise<Resource>;
  /** absent: nobody signs for organisations here */
  orgSigner?: OrgSigner;
  /** of the sandbox, where there is one */
  signingPage?: string;
}

/** What decide() is asked about: a request for a card, a patient's document, or correspondence of the organisation's own. */
export function resourceOf({ purpose, subject, tenant, terms }: SignatureHead): AccessedResource {
  const { represents = "DocumentReference", label } = terms as SignatureTerms;
  const ofDocument = subject === undefined ? "Communication" : represents;
  return { type: purpose === "card" ? "Patient" : ofDocument, subject, organization: tenant, label };
}

/** The right to sign is asked anew when the signature comes: it may have been taken since the bytes were frozen. */
export async function authorizeSigning(request: FastifyRequest, kept: KeptSignature): Promise<void> {
  const { replaces, cosigns, resource, needed } = kept.terms as SignatureTerms;
  const ofDocument = (replaces ?? cosigns ?? resource) === undefined ? "create" : "update";
  // the signature is of this level, or refused
  await request.authorizeOne(kept.purpose === "card" ? "read" : ofDocument, resourceOf(kept), {
    signature: needed,
  });
}

/** A deed at this door, and the request that it is done for. */
export interface Moving {
  request: FastifyRequest;
  move: Move;
}

/** Journals the move and keeps its answer in its transaction: a repeat after any crash gets it. */
export function moveOf(
  request: FastifyRequest,
  action: string,
  answer: (trx: Kysely<Schema>, moved: KeptSignature) => KeptAnswer | Promise<KeptAnswer>,
): Move & { hasMoved(): boolean } {
  let hasMoved = false;
  return {
    requestId: request.ctx.requestId,
    within: async (trx, kept) => {
      await request.settle(trx, {
        ...(await answer(trx, kept)),
        accesses: [accessOf(request, { action, kept })],
      });
      hasMoved = true;
    },
    hasMoved: () => hasMoved,
  };
}

export function record(
  request: FastifyRequest,
  { action, kept, ground }: { action: string; kept?: SignatureHead; ground?: string },
): Promise<void> {
  return request.journal({ ...accessOf(request, { action, kept }), ground });
}

const accessOf = (
  { ctx }: FastifyRequest,
  { action, kept }: { action: string; kept?: SignatureHead },
): Access => ({
  action,
  resourceType: "Signature",
  resourceId: kept?.id,
  subject: kept?.subject ?? ctx.actor.id,
});
