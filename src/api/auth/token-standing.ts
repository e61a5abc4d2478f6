import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessTokens, TokenFacts } from "../../access/access-token.ts";
import type { AssertionCheck } from "../../access/client-assertion.ts";
import type { Client } from "../../access/clients.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { takeFormsOnly } from "../../plugins/forms.ts";
import { clientOf, formOf } from "./client-form.ts";

export interface TokenStandingDoor {
  check: AssertionCheck;
  tokens: AccessTokens;
  issuer: string;
}

/**
 * `POST /auth/introspect` (RFC 7662) and `POST /auth/revoke` (RFC 7009), form-encoded, the client known by its
 * private_key_jwt as at the token endpoint. A client sees tokens of its own tenant and revokes its own only.
 */
export function registerTokenStanding(app: FastifyInstance, door: TokenStandingDoor): void {
  app.register(async (scope) => {
    takeFormsOnly(scope);
    scope.post("/auth/introspect", async (request, reply) => {
      const { client, token } = await asked(request, door);
      const facts = await factsOf(door.tokens, token);
      await request.journal({ action: "introspect" });
      const isSeen = facts?.actor.tenant === client.tenant;
      return reply
        .header("cache-control", "no-store")
        .send(isSeen ? told(facts, door.issuer) : { active: false });
    });
    scope.post("/auth/revoke", async (request, reply) => {
      const { client, token } = await asked(request, door);
      const facts = await factsOf(door.tokens, token);
      if (facts && facts.actor.id !== client.clientId)
        throw new GatewayError("foreign-token", { field: "token" });
      if (facts) await door.tokens.revoke(facts);
      await request.journal({ action: "revoke" });
      // RFC 7009 2.2: a token that is not valid any more is as good as revoked
      return reply.code(200).send();
    });
  });
}

async function asked(
  request: FastifyRequest,
  { check }: TokenStandingDoor,
): Promise<{ client: Client; token: string }> {
  const form = formOf(request);
  if (!form.token)
    throw new GatewayError("bad-request", { field: "token", detail: "send the token in the body" });
  const { client } = await clientOf(form, check);
  const { clientId, tenant } = client;
  request.ctx.actor = { kind: "client", id: clientId, tenant, scopes: [] };
  return { client, token: form.token };
}

/** Facts of a token that stands; undefined for one that never did or does no more. */
async function factsOf(tokens: AccessTokens, token: string): Promise<TokenFacts | undefined> {
  try {
    return await tokens.check(token);
  } catch (error) {
    if (isGatewayError(error) && (error.code === "unauthorized" || error.code === "token-expired"))
      return undefined;
    throw error;
  }
}

const told = ({ id, actor, issuedAt, expiresAt }: TokenFacts, issuer: string) => ({
  active: true,
  scope: actor.scopes.join(" "),
  client_id: actor.id,
  token_type: "Bearer",
  sub: actor.id,
  iss: issuer,
  jti: id,
  iat: Math.floor(issuedAt / 1000),
  exp: Math.floor(expiresAt / 1000),
});
