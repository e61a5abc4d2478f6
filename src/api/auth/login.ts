import type { FastifyInstance } from "fastify";
import { returnPath, ticketSeconds } from "../../flows/sign-in/ticket.ts";
import { cookieName, setPassingCookie } from "../../plugins/cookies.ts";
import type { AuthDoor } from "./door.ts";

interface LoginQuery {
  as?: "worker" | "citizen";
  returnTo?: string;
  persona?: string;
}

const querystring = {
  type: "object",
  properties: {
    as: { type: "string", enum: ["worker", "citizen"] },
    returnTo: { type: "string" },
    persona: { type: "string", pattern: "^[a-z-]{1,40}$" },
  },
};

/** `GET /auth/login?as=worker|citizen&returnTo=`: begins a sign-in and goes to ESIA. */
export function registerLogin(app: FastifyInstance, door: AuthDoor): void {
  app.get<{ Querystring: LoginQuery }>(
    "/auth/login",
    { schema: { querystring }, config: { rateLimit: door.rateLimit } },
    async ({ query }, reply) => {
      const { as = "worker", persona } = query;
      const returnTo = returnPath(query.returnTo, door.publicUrl, "/auth/account");
      const extra = door.sandboxed && persona !== undefined ? { persona } : undefined;
      const { url, cookie } = await door.signIn.start({ kind: as, returnTo }, extra);
      setPassingCookie(reply, cookieName.signIn, cookie, ticketSeconds);
      return reply.redirect(url, 302);
    },
  );
}
