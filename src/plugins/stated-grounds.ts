import type { FastifyRequest } from "fastify";
import type { KnownFacts } from "../access/access-facts.ts";
import type { LegalGround } from "../access/reasons.ts";
import type { PurposeOfUse } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";

/** What the operator lets a caller state to open a card without the patient's consent; nothing by default. */
export interface StatableGrounds {
  breakGlass: boolean;
  /** items of 323-ФЗ art. 13 p. 4 */
  legal: readonly LegalGround[];
}

/** Why a card may have to be opened at once; a code, so that nobody writes about the patient into the journal. */
const emergencyReasons = ["unconscious", "life-threat", "mass-casualty"] as const;

/**
 * The facts that a request states of itself: `X-Emergency-Reason` with purpose BTG, `X-Legal-Ground` with the purpose
 * that the ground serves. Throws `bad-request` for what is not of the list.
 */
export function statedGrounds(request: FastifyRequest, statable: StatableGrounds): KnownFacts {
  const isEmergency = statable.breakGlass && request.ctx.actor.purpose === "BTG";
  const reason = isEmergency ? codeIn(request, "x-emergency-reason", emergencyReasons) : undefined;
  const ground = codeIn(request, "x-legal-ground", statable.legal);
  return { ...(reason && { breakGlass: { reason } }), ...(ground && { grounds: [ground] }) };
}

/**
 * The purpose of use that a worker who signed in states in `X-Purpose-Of-Use`; undefined when they state none. Throws
 * `bad-request` for one that is not of the list.
 */
export const statedPurpose = (
  request: FastifyRequest,
  purposes: readonly PurposeOfUse[],
): PurposeOfUse | undefined => codeIn(request, "x-purpose-of-use", purposes);

function codeIn<Code extends string>(
  { headers }: FastifyRequest,
  name: string,
  codes: readonly Code[],
): Code | undefined {
  const stated = headers[name];
  if (stated === undefined) return undefined;
  const code = codes.find((known) => known === stated);
  if (code) return code;
  const detail = codes.length > 0 ? `one of ${codes.join(", ")}` : "nothing may be stated here";
  throw new GatewayError("bad-request", { field: `headers/${name}`, detail });
}
