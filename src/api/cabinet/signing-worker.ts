import type { FastifyRequest } from "fastify";
import { identifierSystem } from "../../core/canonical.ts";
import { GatewayError } from "../../core/errors.ts";
import { snilsDigits } from "../../core/identifiers.ts";
import { contactOf } from "../../flows/recipient.ts";
import type { SigningWorker } from "../../flows/signature/terms.ts";
import type { SessionDoor } from "../../plugins/session.ts";

/** The worker of the session as a signer; throws `signing-not-allowed` while the registry has not confirmed them. */
export function signingWorkerOf(door: SessionDoor, request: FastifyRequest): SigningWorker {
  const session = door.requireWorker(request);
  const { id, organization, personId, person } = session;
  // E-14: the login itself must be a full one, whatever is then signed
  if (request.ctx.actor.singleFactor) throw new GatewayError("second-factor-missing");
  if (!door.capabilities(session).includes("signing")) throw new GatewayError("signing-not-allowed");
  const stated = person.identifier?.find(({ system }) => system === identifierSystem.snils)?.value;
  const snils = snilsDigits(stated ?? "");
  if (!snils) throw new GatewayError("signing-not-allowed", { detail: "the account has no СНИЛС" });
  return {
    personId,
    roleId: organization.roleId,
    organization: organization.oid,
    snils,
    contact: contactOf(person),
    session: id,
  };
}
