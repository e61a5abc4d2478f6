import type { FastifyRequest } from "fastify";
import type { Keyring } from "../crypto/keyring.ts";
import { cookieName, cookieOf } from "./cookies.ts";

// order matters: others name Chrome and Safari among themselves
const browsers = [
  ["YaBrowser", "Яндекс Браузер"],
  ["Edg", "Edge"],
  ["OPR", "Opera"],
  ["Firefox", "Firefox"],
  ["Chrome", "Chrome"],
  ["Safari", "Safari"],
] as const;
const systems = ["Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux"];

/** Browser and system without versions, so that an update is no new device: `Chrome, Windows`. */
export function browserFamily(userAgent = ""): string {
  const browser = browsers.find(([mark]) => userAgent.includes(mark))?.[1] ?? "другой браузер";
  const system = systems.find((name) => userAgent.includes(name)) ?? "другая система";
  return `${browser}, ${system}`;
}

/** What a session is bound to; a changed network address alone is no anomaly (decisions.md, anomaly). */
export function deviceHashOf(
  keyring: Keyring,
  request: FastifyRequest,
  deviceId = cookieOf(request, cookieName.device) ?? "",
): string {
  return keyring.hmac("device", deviceId, browserFamily(request.headers["user-agent"]));
}
