import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Device } from "../../flows/sign-in/sign-in.ts";
import {
  clearCookie,
  cookieName,
  cookieOf,
  setDeviceCookie,
  setSessionCookie,
} from "../../plugins/cookies.ts";
import { browserFamily, deviceHashOf } from "../../plugins/device.ts";
import { html, sendPage } from "../ops/page.ts";
import type { AuthDoor } from "./door.ts";

interface CallbackQuery {
  code?: string;
  state?: string;
  error?: string;
  error_description?: string;
  iss?: string;
}

const text = (maxLength: number) => ({ type: "string", maxLength });
const querystring = {
  type: "object",
  properties: {
    // a JWT in practice
    code: text(8192),
    state: text(200),
    error: text(200),
    error_description: text(2000),
    iss: text(500),
  },
};

/** `GET /auth/callback`: where ESIA sends the browser back to; ends in a session or a page that says why not. */
export function registerCallback(app: FastifyInstance, door: AuthDoor): void {
  app.get<{ Querystring: CallbackQuery }>(
    "/auth/callback",
    { schema: { querystring }, config: { rateLimit: door.rateLimit } },
    async (request, reply) => {
      const cookie = cookieOf(request, cookieName.signIn);
      if (cookie) clearCookie(reply, cookieName.signIn);
      const device = deviceOf(request, reply, door);
      const entered = await door.signIn.complete({ ...request.query, cookie }, device, request.ctx, (step) =>
        request.journal(step),
      );
      setSessionCookie(reply, entered.token);
      // a Strict cookie is not sent along a redirect that began at another site: our own page goes on
      return sendPage(
        reply,
        "Вход выполнен",
        html`<h1>Вход выполнен</h1><p><a href="${entered.returnTo}">Продолжить</a></p>`,
        { goTo: entered.returnTo },
      );
    },
  );
}

function deviceOf(request: FastifyRequest, reply: FastifyReply, { session }: AuthDoor): Device {
  const known = cookieOf(request, cookieName.device);
  const id = known && /^[\w-]{22}$/.test(known) ? known : randomBytes(16).toString("base64url");
  if (id !== known) setDeviceCookie(reply, id);
  return {
    hash: deviceHashOf(session.settings.keyring, request, id),
    browser: browserFamily(request.headers["user-agent"]),
    address: request.ip,
  };
}
