import type { FastifyInstance } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { returnPath, ticketSeconds } from "../../flows/sign-in/ticket.ts";
import { clearCookie, cookieName, cookieOf, setPassingCookie } from "../../plugins/cookies.ts";
import { registerSessionOnly, requireSession } from "../../plugins/session.ts";
import type { AuthDoor } from "./door.ts";

const loginPath = "/auth/step-up/login";

/**
 * `GET /auth/step-up?returnTo=`: the person proves who they are again (L-60). ESIA answers from its own session
 * without asking, so that session is ended first.
 */
export function registerStepUp(app: FastifyInstance, door: AuthDoor): void {
  const { tickets } = door.signIn;
  app.register(async (guarded) => {
    registerSessionOnly(guarded, door.session);
    guarded.get<{ Querystring: { returnTo?: string } }>("/auth/step-up", async (request, reply) => {
      const { id: sessionId, owner, kind } = requireSession(request);
      const returnTo = returnPath(request.query.returnTo, door.publicUrl, "/auth/account");
      const pass = tickets.seal(tickets.make({ kind, returnTo, stepUp: { sessionId, owner } }));
      setPassingCookie(reply, cookieName.stepUp, pass, ticketSeconds);
      return reply.redirect(await door.logoutUrl(door.publicUrl + loginPath), 302);
    });
  });
  // ESIA sends the browser here after its logout
  app.get<{ Querystring: { persona?: string } }>(
    loginPath,
    { config: { rateLimit: door.rateLimit } },
    async (request, reply) => {
      const { kind, returnTo, stepUp } = tickets.open(cookieOf(request, cookieName.stepUp));
      if (!stepUp) throw new GatewayError("sign-in-state-rejected");
      clearCookie(reply, cookieName.stepUp);
      const { url, cookie } = await door.signIn.start({ kind, returnTo, stepUp });
      setPassingCookie(reply, cookieName.signIn, cookie, ticketSeconds);
      return reply.redirect(url, 302);
    },
  );
}
