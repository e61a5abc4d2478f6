import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { callbackAddress, errorAddress } from "./callback.ts";
import { checkScopes } from "./clients.ts";
import { demand, type Fields, fieldsOf } from "./fields.ts";
import { beginLogin, endSession, sessionOf } from "./login.ts";
import { messagePage } from "./login-page.ts";
import { EsiaRefusal, refusalOf } from "./refusal.ts";
import { playOrderedRefusal } from "./scenarios.ts";
import type { AuthorizationRequest, EsiaState } from "./state.ts";

const mandatory = [
  "client_id",
  "client_secret",
  "client_certificate_hash",
  "redirect_uri",
  "scope",
  "response_type",
  "state",
  "timestamp",
  "access_type",
];

/** GET /aas/oauth2/v2/ac: the browser comes with a signed request of a system. */
export function authorizeDoor(app: FastifyInstance, esia: EsiaState): void {
  app.get(
    "/aas/oauth2/v2/ac",
    {
      preHandler: playOrderedRefusal,
      errorHandler: (error, request, reply) => refuse(esia, refusalOf(error, esia.logger), request, reply),
    },
    (request, reply) => {
      const fields = fieldsOf(request.query);
      const asked = checkedRequest(esia, fields);
      const session = sessionOf(esia, request);
      const persona = fields["persona"];
      const isSignedIn = session?.person && (!persona || persona === session.person);
      if (session && isSignedIn) return reply.redirect(callbackAddress(esia, asked, session));
      return beginLogin({ esia, request, reply }, asked, persona);
    },
  );
}

/** GET /idp/ext/Logout: ends the browser's session; goes on to a registered address only. */
export function logoutDoor(app: FastifyInstance, esia: EsiaState): void {
  app.get("/idp/ext/Logout", (request, reply) => {
    if (request.scenario === "logout-hang") return reply.hijack();
    endSession(esia, request, reply);
    const { client_id, redirect_url } = fieldsOf(request.query);
    if (!redirect_url) return messagePage(reply, 200, { title: "Вы вышли", text: "Сеанс в ЕСИА завершён." });
    if (esia.clients.ownsAddress(client_id, redirect_url)) return reply.redirect(redirect_url);
    return messagePage(reply, 400, {
      title: "Вы вышли",
      text: "Адрес возврата не зарегистрирован за системой (ESIA-007023).",
    });
  });
}

function checkedRequest(esia: EsiaState, fields: Fields): AuthorizationRequest {
  demand(fields, mandatory);
  if (fields["response_type"] !== "code") throw new EsiaRefusal("007009");
  checkValues(fields);
  const { client_id = "", scope = "", scope_org: scopeOrg = "", state = "", redirect_uri = "" } = fields;
  const signed = client_id + scope + scopeOrg + fields["timestamp"] + state + redirect_uri;
  const { client } = esia.clients.authenticate("ac", fields, [signed]);
  if (!esia.clients.ownsAddress(client_id, redirect_uri)) throw new EsiaRefusal("007023");
  checkScopes(client, scope, scopeOrg);
  const challenge = fields["code_challenge"];
  return {
    id: randomUUID(),
    client,
    scope,
    scopeOrg,
    state,
    redirectUri: redirect_uri,
    offline: fields["access_type"] === "offline",
    confirmedOnly: fields["person_filter"] !== undefined,
    ...(challenge
      ? { challenge: { value: challenge, method: fields["code_challenge_method"] ?? "S256" } }
      : {}),
    otp: fields["otp"] === "1",
    amr: /^(DS|PWD [A-Z]{3,5})$/.test(fields["amr"] ?? "") ? String(fields["amr"]) : "PWD",
  };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Values that ESIA limits; person_filter is known with one keyword only. */
function checkValues(fields: Fields): void {
  const { access_type, state = "", person_filter, code_challenge_method } = fields;
  const wrong = [
    access_type === "online" || access_type === "offline" ? "" : "access_type",
    uuid.test(state) ? "" : "state",
    person_filter === undefined || decoded(person_filter) === "conf_acc" ? "" : "person_filter",
    ["S256", "GOST3411", undefined].includes(code_challenge_method) ? "" : "code_challenge_method",
  ].filter(Boolean);
  if (wrong.length > 0) throw new EsiaRefusal("007003", wrong);
}

const decoded = (base64: string) => Buffer.from(base64, "base64").toString("utf8");

/** Back to the system with the error, unless the address may be anybody's: then a page. */
function refuse(
  esia: EsiaState,
  refusal: EsiaRefusal,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const query = request.query as Record<string, unknown>;
  const [clientId, address, state] = [query["client_id"], query["redirect_uri"], query["state"]].map(
    (value) => (typeof value === "string" ? value : undefined),
  );
  esia.logger.info({ actor: clientId, reason: refusal.message }, "ESIA refused an authorization request");
  if (!address || !esia.clients.ownsAddress(clientId, address)) {
    return messagePage(reply, 400, {
      title: "Вход невозможен",
      text: `Система обратилась с ошибкой. ${refusal.message}`,
    });
  }
  return reply.redirect(errorAddress(address, refusal, state));
}
