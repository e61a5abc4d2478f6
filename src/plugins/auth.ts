import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessTokens, TokenFacts } from "../access/access-token.ts";
import { permits } from "../access/scopes.ts";
import { GatewayError } from "../core/errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    token: TokenFacts | undefined;
  }
}

const bearer = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** Requires a Bearer token on every route of this scope; `request.token` then holds its facts. */
export function registerBearerAuth(app: FastifyInstance, tokens: AccessTokens): void {
  app.decorateRequest("token");
  app.addHook("onRequest", (request, _reply, done) =>
    settle(done, () => authenticateBearer(request, tokens)),
  );
}

/** Ends a hook when its check is over; one that is over at once costs no promise. */
export function settle(done: (error?: Error) => void, check: () => Promise<unknown> | undefined): void {
  let checking: Promise<unknown> | undefined;
  try {
    checking = check();
  } catch (error) {
    done(error as GatewayError);
    return;
  }
  if (checking) checking.then(() => done(), done);
  else done();
}

// by connection: one client sends the same header again and again, and reading and hashing it anew is dear
const lastSent = new WeakMap<Socket, { header: string; token: string }>();

function tokenOf({ headers, raw }: FastifyRequest): string | undefined {
  const header = headers.authorization ?? "";
  const last = lastSent.get(raw.socket);
  if (last?.header === header) return last.token;
  const token = bearer.exec(header)?.[1];
  if (token) lastSent.set(raw.socket, { header, token });
  return token;
}

/** Checks the request's token; a token known to this replica costs no promise. Throws `unauthorized`, `token-expired`. */
export function authenticateBearer(request: FastifyRequest, tokens: AccessTokens): Promise<void> | undefined {
  const token = tokenOf(request);
  if (!token) throw new GatewayError("unauthorized", { detail: "send Authorization: Bearer <token>" });
  const known = tokens.known(token);
  if (!known) return tokens.check(token).then((facts) => accept(request, facts));
  accept(request, known);
  return undefined;
}

function accept(request: FastifyRequest, facts: TokenFacts): void {
  request.token = facts;
  request.ctx.actor = facts.actor;
}

/** Throws GatewayError `scope-missing` unless the caller's token permits the interaction on the type. */
export function requireScope(request: FastifyRequest, type: string, interaction: string): void {
  if (request.token && permits(request.token.scopes, type, interaction)) return;
  throw new GatewayError("scope-missing", { detail: `needs scope system/${type}.${interaction}` });
}
