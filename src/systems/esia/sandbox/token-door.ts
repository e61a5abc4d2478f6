import { createHash, randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { streebog256 } from "../../../sandbox-crypto/streebog.ts";
import { checkScopes } from "./clients.ts";
import { demand, type Fields, fieldsOf } from "./fields.ts";
import { EsiaRefusal, refusalOf } from "./refusal.ts";
import { playOrderedRefusal } from "./scenarios.ts";
import { scopesIn } from "./scopes.ts";
import type { EsiaState, IssuedCode } from "./state.ts";
import { systemToken, tokensOf } from "./tokens.ts";

const common = ["client_id", "client_secret", "scope", "state", "timestamp"];
const accessMs = 3_600_000;

interface Call {
  esia: EsiaState;
  fields: Fields;
  scenario: string | undefined;
}

/** POST /aas/oauth2/v3/te: codes, refresh tokens and systems' own signatures become tokens. */
export function tokenDoor(app: FastifyInstance, esia: EsiaState): void {
  app.post(
    "/aas/oauth2/v3/te",
    {
      preHandler: playOrderedRefusal,
      errorHandler: (error, request, reply) => {
        const refusal = refusalOf(error, esia.logger);
        const { state } = softFields(request);
        esia.logger.info({ reason: refusal.message }, "ESIA refused a token request");
        return reply
          .code(400)
          .send({ error: refusal.error, error_description: refusal.message, ...(state ? { state } : {}) });
      },
    },
    async (request, reply) => {
      const fields = fieldsOf(givenFields(request));
      const call = { esia, fields, scenario: request.scenario };
      reply.header("cache-control", "no-store");
      const answer = grants(call);
      return request.scenario === "wrong-state" ? { ...answer, state: randomUUID() } : answer;
    },
  );
}

function grants(call: Call) {
  const grantType = call.fields["grant_type"];
  demand(call.fields, ["grant_type"]);
  if (grantType === "authorization_code") return byCode(call);
  if (grantType === "refresh_token") return byRefreshToken(call);
  if (grantType === "client_credentials") return bySystem(call);
  throw new EsiaRefusal("007012");
}

function byCode(call: Call) {
  const { esia, fields } = call;
  demand(fields, [...common, "client_certificate_hash", "redirect_uri", "code", "token_type"]);
  const { code = "" } = fields;
  const { client } = esia.clients.authenticate("te", fields, [commonString(fields) + code]);
  const issued = esia.codes.take(code);
  if (issued?.client.clientId !== client.clientId || issued.redirectUri !== fields["redirect_uri"])
    throw new EsiaRefusal("007011");
  checkSameScope(issued, fields);
  checkVerifier(issued, fields["code_verifier"]);
  return answerOf(call, issued);
}

/** The sources disagree on what is signed, so both forms pass and the log says which came (sheet 1.4). */
function byRefreshToken(call: Call) {
  const { esia, fields } = call;
  demand(fields, [...common, "refresh_token"]);
  const { client_id = "", scope = "", timestamp = "", state = "", refresh_token: token = "" } = fields;
  const withToken = client_id + scope + timestamp + state + token;
  const { client, form } = esia.clients.authenticate("te", fields, [commonString(fields), withToken]);
  const signed = form === 0 ? "redirect_uri" : "refresh_token";
  esia.logger.info({ actor: client_id, outcome: signed }, "ESIA refreshes a token");
  const issued = esia.refreshTokens.take(token);
  if (issued?.client.clientId !== client.clientId) throw new EsiaRefusal("007011");
  checkSameScope(issued, fields);
  return answerOf(call, issued);
}

/** A token of the system itself, about organisations. */
function bySystem({ esia, fields }: Call) {
  demand(fields, [...common, "client_certificate_hash"]);
  const { scope = "", state } = fields;
  const { client } = esia.clients.authenticate("te", fields, [commonString(fields)]);
  checkScopes(client, scope);
  const access_token = systemToken(client, scope, signing(esia));
  esia.bearers.set(access_token, { scopes: scopesIn(scope), until: esia.clock.now() + accessMs });
  return { access_token, state, token_type: "Bearer", expires_in: accessMs / 1000 };
}

/** The answer's keys stand in the order of the captured one. */
function answerOf({ esia, fields, scenario }: Call, issued: IssuedCode) {
  const consented = scenario === "scopes-missing" ? { ...issued, scope: "openid", scopeOrg: "" } : issued;
  const tokens = tokensOf(consented, signing(esia), scenario);
  esia.bearers.set(tokens.access_token, {
    oid: issued.person.esia.oid,
    scopes: [...scopesIn(consented.scope), ...scopesIn(consented.scopeOrg)],
    until: esia.clock.now() + accessMs,
  });
  return {
    ...tokens,
    ...(issued.offline ? { refresh_token: nextRefreshToken(esia, issued) } : {}),
    state: fields["state"],
    token_type: "Bearer",
    expires_in: accessMs / 1000,
  };
}

function nextRefreshToken(esia: EsiaState, issued: IssuedCode): string {
  const token = randomUUID();
  esia.refreshTokens.set(token, issued);
  return token;
}

const signing = (esia: EsiaState) => ({ issuer: esia.issuer, now: esia.clock.now(), keys: esia.keys });

const commonString = ({ client_id, scope, scope_org, timestamp, state, redirect_uri }: Fields): string =>
  [client_id, scope, scope_org, timestamp, state, redirect_uri].map((part) => part ?? "").join("");

function checkSameScope(issued: IssuedCode, { scope, scope_org: scopeOrg = "" }: Fields): void {
  if (scope !== issued.scope || scopeOrg !== issued.scopeOrg) throw new EsiaRefusal("007006");
}

function checkVerifier({ challenge }: IssuedCode, verifier: string | undefined): void {
  if (!challenge) {
    if (verifier) throw new EsiaRefusal("007039");
    return;
  }
  const bytes = Buffer.from(verifier ?? "");
  const digest =
    challenge.method === "S256" ? createHash("sha256").update(bytes).digest() : streebog256(bytes);
  if (Buffer.from(digest).toString("base64url") !== challenge.value) throw new EsiaRefusal("007040");
}

/** Form fields, or the query of the POST, which clients are known to use; any other body counts as absent. */
function givenFields(request: FastifyRequest): object {
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  return { ...(request.query as object), ...(isForm ? (request.body as object) : {}) };
}

function softFields(request: FastifyRequest): { state?: string } {
  const { state } = givenFields(request) as { state?: unknown };
  return typeof state === "string" ? { state } : {};
}
