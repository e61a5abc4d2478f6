import type { Actor } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { NamedHuman, TokenGrant } from "./access-token.ts";
import { actsFor, type Client } from "./clients.ts";
import { coversScope, parseScope } from "./scopes.ts";

/**
 * What a client system may go on with under an earlier token's authority, judged by its registration of today. Throws
 * GatewayError `unauthorized` for a client that is registered no more, elsewhere, or not for the worker's organisation,
 * and `scope-missing` for a scope that was taken from it.
 */
export function renewedGrant(actor: Actor, client: Client | undefined): TokenGrant {
  if (client?.tenant !== actor.tenant)
    throw new GatewayError("unauthorized", { detail: "the client is registered no more" });
  const held = client.scopes.flatMap((text) => parseScope(text) ?? []);
  for (const text of actor.scopes) {
    const scope = parseScope(text);
    if (!scope || !coversScope(held, scope))
      throw new GatewayError("scope-missing", { detail: "a scope of the token was taken from the client" });
  }
  const human = humanOf(actor);
  if (human && !actsFor(client, human.organization))
    throw new GatewayError("unauthorized", { detail: "the client acts for this organisation no more" });
  const { clientId, tenant, duties, remit, signature } = client;
  return { clientId, tenant, duties, remit, signature, human };
}

function humanOf({ onBehalfOf, role, organization, purpose }: Actor): NamedHuman | undefined {
  if (!onBehalfOf || !role || !organization || !purpose) return undefined;
  return { person: onBehalfOf, role, organization, purpose };
}
