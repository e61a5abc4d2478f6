import cookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply } from "fastify";

/** The `__Host-` prefix makes browsers refuse them without Secure, with a Domain or below a path. */
export const cookieName = {
  session: "__Host-sid",
  /** tells devices apart; admits nobody */
  device: "__Host-device",
  /** a sign-in under way */
  signIn: "__Host-signin",
  /** a repeated login under way */
  stepUp: "__Host-stepup",
} as const;

const base = { path: "/", httpOnly: true, secure: true } as const;
// the return from ESIA is a navigation from another site: a Strict cookie would not come along
const lax = { ...base, sameSite: "lax" } as const;
const yearSeconds = 365 * 86_400;

export async function registerCookies(app: FastifyInstance): Promise<void> {
  await app.register(cookie);
}

/** Ends with the browser: no "remember me" (L-57). */
export function setSessionCookie(reply: FastifyReply, token: string): void {
  reply.setCookie(cookieName.session, token, { ...base, sameSite: "strict" });
}

export function setDeviceCookie(reply: FastifyReply, id: string): void {
  reply.setCookie(cookieName.device, id, { ...lax, maxAge: yearSeconds });
}

export function setPassingCookie(
  reply: FastifyReply,
  name: (typeof cookieName)["signIn" | "stepUp"],
  value: string,
  seconds: number,
): void {
  reply.setCookie(name, value, { ...lax, maxAge: seconds });
}

export function clearCookie(reply: FastifyReply, name: (typeof cookieName)[keyof typeof cookieName]): void {
  reply.clearCookie(name, { ...base, sameSite: name === cookieName.session ? "strict" : "lax" });
}
