import type { FastifyInstance } from "fastify";
import { type AccessTokens, actingAs, type NamedHuman } from "../../access/access-token.ts";
import type { AssertionCheck } from "../../access/client-assertion.ts";
import type { Client } from "../../access/clients.ts";
import { coversScope, parseScope, type Scope } from "../../access/scopes.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { takeFormsOnly } from "../../plugins/forms.ts";
import { clientOf, formOf } from "./client-form.ts";

export interface TokenEndpoint {
  check: AssertionCheck;
  tokens: AccessTokens;
  /** throws GatewayError for a granular scope that can't be searched by */
  checkGranular(type: string, query: string): void;
  /** throws `access-denied` for a worker whom ФРМР does not confirm in that post */
  confirmHuman(human: NamedHuman, ctx: RequestContext): Promise<void>;
}

/**
 * `POST /auth/token`: client credentials with private_key_jwt (SMART Backend Services, RFC 6749 4.4, RFC 7523).
 * The body is form-encoded; errors are those of RFC 6749 5.2.
 */
export function registerTokenEndpoint(
  app: FastifyInstance,
  { check, tokens, confirmHuman, checkGranular }: TokenEndpoint,
): void {
  app.register(async (scope) => {
    takeFormsOnly(scope);
    scope.post("/auth/token", async (request, reply) => {
      const form = formOf(request);
      if (form.grant_type !== "client_credentials")
        throw new GatewayError("unsupported-grant-type", { field: "grant_type" });
      const { client, human } = await clientOf(form, check);
      const { clientId, tenant, duties, remit, signature } = client;
      request.ctx.actor = { kind: "client", id: clientId, tenant, scopes: [], ...(human && actingAs(human)) };
      if (human) await confirmHuman(human, request.ctx);
      const issued = await tokens.issue(
        { clientId, tenant, duties, remit, human, signature },
        grantedScopes(client, form.scope, checkGranular),
      );
      await request.journal({ action: "token" });
      return reply.header("cache-control", "no-store").send(issued);
    });
  });
}

function grantedScopes(
  client: Client,
  asked: string | undefined,
  checkGranular: TokenEndpoint["checkGranular"],
): string[] {
  const wanted = (asked ?? "").split(" ").filter(Boolean);
  if (!wanted.length)
    throw new GatewayError("invalid-scope", { field: "scope", detail: "scope is required" });
  const held = client.scopes.map(parseScope).filter((scope): scope is Scope => scope !== undefined);
  for (const text of wanted) {
    const scope = parseScope(text);
    if (!scope) throw new GatewayError("invalid-scope", { field: "scope", detail: "not a SMART v2 scope" });
    if (!coversScope(held, scope))
      throw new GatewayError("invalid-scope", { field: "scope", detail: "not granted to this client" });
    if (scope.query !== undefined) searchable(scope.type, scope.query, checkGranular);
  }
  return wanted;
}

function searchable(type: string, query: string, checkGranular: TokenEndpoint["checkGranular"]): void {
  try {
    checkGranular(type, query);
  } catch (cause) {
    if (!isGatewayError(cause)) throw cause;
    throw new GatewayError("invalid-scope", { field: "scope", detail: `${type}?…: ${cause.code}`, cause });
  }
}
