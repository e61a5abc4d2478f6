import { identifierSystem } from "../core/canonical.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

interface NamedWorker {
  person: string;
  role: string;
  organization: string;
}

/**
 * Asks ФРМР whether the worker whom a client system names holds that post there today. Throws GatewayError
 * `access-denied` when not, and upstream errors: without an answer nobody is vouched for.
 */
export async function confirmWorker(
  directory: PractitionerDirectory,
  named: NamedWorker,
  ctx: RequestContext,
): Promise<void> {
  const role = await roleOf(directory, named.role, ctx);
  const person = role?.practitioner?.reference?.split("/").at(-1);
  const { system, value } = role?.organization?.identifier ?? {};
  const organization = system === identifierSystem.oid ? value?.replace(/^urn:oid:/, "") : undefined;
  if (!role?.active || person !== named.person || organization !== named.organization)
    throw new GatewayError("access-denied", {
      field: "client_assertion.extensions.hl7-b2b",
      detail: "ФРМР does not confirm the named worker in this post and organisation; missing: active-worker",
    });
}

async function roleOf(directory: PractitionerDirectory, id: string, ctx: RequestContext) {
  try {
    return (await directory.roleById(id, ctx)).value;
  } catch (error) {
    if (isGatewayError(error) && (error.code === "not-found" || error.code === "gone")) return undefined;
    throw error;
  }
}
