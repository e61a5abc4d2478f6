import { fastifyCookie as cookie, type SerializeOptions } from "@fastify/cookie";
import type { FastifyReply, FastifyRequest } from "fastify";

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

type CookieName = (typeof cookieName)[keyof typeof cookieName];

const base = { path: "/", httpOnly: true, secure: true } as const;
// the return from ESIA is a navigation from another site: a Strict cookie would not come along
const lax = { ...base, sameSite: "lax" } as const;
const yearSeconds = 365 * 86_400;

/** A cookie of the request; read when it is asked for, so that a client system's call does not pay for a browser's. */
export function cookieOf({ headers }: FastifyRequest, name: CookieName): string | undefined {
  return headers.cookie === undefined ? undefined : cookie.parse(headers.cookie)[name];
}

/** Ends with the browser: no "remember me" (L-57). */
export function setSessionCookie(reply: FastifyReply, token: string): void {
  setCookie(reply, cookieName.session, token, { ...base, sameSite: "strict" });
}

export function setDeviceCookie(reply: FastifyReply, id: string): void {
  setCookie(reply, cookieName.device, id, { ...lax, maxAge: yearSeconds });
}

export function setPassingCookie(
  reply: FastifyReply,
  name: (typeof cookieName)["signIn" | "stepUp"],
  value: string,
  seconds: number,
): void {
  setCookie(reply, name, value, { ...lax, maxAge: seconds });
}

export function clearCookie(reply: FastifyReply, name: CookieName): void {
  const sameSite = name === cookieName.session ? "strict" : "lax";
  setCookie(reply, name, "", { ...base, sameSite, expires: new Date(0), maxAge: 0 });
}

/** An answer names a cookie once: what was said of it before is taken back (RFC 6265 4.1.1). */
function setCookie(reply: FastifyReply, name: CookieName, value: string, options: SerializeOptions): void {
  const earlier = [reply.getHeader("set-cookie") ?? []].flat().map(String);
  const others = earlier.filter((one) => !one.startsWith(`${name}=`));
  reply.removeHeader("set-cookie").header("set-cookie", [...others, cookie.serialize(name, value, options)]);
}
