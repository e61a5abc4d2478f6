import type { FastifyRequest } from "fastify";
import type { SessionFacts } from "../../access/session-facts.ts";
import { identifierSystem } from "../../core/canonical.ts";
import { GatewayError } from "../../core/errors.ts";
import { snilsDigits } from "../../core/identifiers.ts";
import type { Contact, SigningWorker } from "../../flows/signature/terms.ts";
import type { SessionDoor } from "../../plugins/session.ts";

/** The worker of the session as a signer; throws `signing-not-allowed` while the registry has not confirmed them. */
export function signingWorkerOf(door: SessionDoor, request: FastifyRequest): SigningWorker {
  const session = door.requireWorker(request);
  const { organization, personId, person } = session;
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
  };
}

function contactOf({ telecom = [] }: SessionFacts["person"]): Contact | undefined {
  const email = telecom.find(({ system }) => system === "email")?.value;
  const phone = telecom.find(({ system }) => system === "phone")?.value?.replace(/[^\d+]/g, "");
  if (phone && /^\+\d{11,15}$/.test(phone)) return { channel: "sms", address: phone };
  return email ? { channel: "email", address: email } : undefined;
}
