import type { FastifyInstance, FastifyReply } from "fastify";
import { clearCookie, cookieName } from "../../plugins/cookies.ts";
import { registerSessionOnly, requireSession } from "../../plugins/session.ts";
import { html, sendPage } from "../ops/page.ts";
import type { AuthDoor } from "./door.ts";

export const loggedOutPath = "/auth/logged-out";

/** `POST /auth/logout`: ends the session here on every replica, then sends the browser to end it at ESIA. */
export function registerLogout(app: FastifyInstance, door: AuthDoor): void {
  app.register(async (guarded) => {
    registerSessionOnly(guarded, door.session);
    guarded.post("/auth/logout", async (request, reply) => {
      const session = requireSession(request);
      clearCookie(reply, cookieName.session);
      await door.session.settings.sessions.end(session);
      await request.journal({ action: "sign-out", resourceType: "Session", resourceId: session.id });
      const logoutUrl = await door.logoutUrl(door.publicUrl + loggedOutPath);
      if (request.headers.accept?.includes("text/html")) return reply.redirect(logoutUrl, 303);
      return { logoutUrl };
    });
  });
  app.get(loggedOutPath, (_request, reply) => goodbye(reply));
}

const goodbye = (reply: FastifyReply): FastifyReply =>
  sendPage(
    reply,
    "Вы вышли",
    html`<h1>Вы вышли из кабинета и из Госуслуг</h1>
<p>На чужом компьютере очистите историю браузера и не сохраняйте пароль.</p>
<p><a href="/">На главную</a></p>`,
  );
