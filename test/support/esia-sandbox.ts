import { ManualClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSandbox } from "../../src/sandbox/server.ts";
import type { EsiaClient } from "../../src/systems/esia/sandbox/clients.ts";
import {
  authorization,
  codeExchange,
  createEsiaSystem,
  type EsiaSystem,
  type Parameters,
} from "./esia-system.ts";

export interface TokenAnswer {
  access_token: string;
  id_token: string;
  refresh_token: string;
  state: string;
  error: string;
  error_description: string;
}

export const home = "http://127.0.0.1:8080";

/** The sandbox's ESIA on a socket with a clock of its own, and raw HTTP to drive it. */
export async function startEsia(more: readonly EsiaClient[] = [], clock = new ManualClock()) {
  const system = createEsiaSystem("MISCAB01", clock.now());
  const logged: { fields: object; message: string }[] = [];
  const sandbox = await createSandbox({
    clock,
    logger: { ...silentLogger, info: (fields, message) => logged.push({ fields, message }) },
    esiaClients: [{ ...system, redirectUris: [home], tokenAlgorithm: "RS256" }, ...more],
  });
  const control = await sandbox.listen(0, "127.0.0.1");
  const base = await sandbox.esia.listen(0, "127.0.0.1");

  const get = (path: string, headers: Parameters = {}) => fetch(base + path, { redirect: "manual", headers });
  const form = (path: string, fields: Parameters, headers: Parameters = {}) =>
    fetch(base + path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual", headers });
  const ac = (fields: Parameters, headers: Parameters = {}) =>
    get(`/aas/oauth2/v2/ac?${new URLSearchParams(fields)}`, headers);
  const te = async (fields: Parameters, headers: Parameters = {}) => {
    const answer = await form("/aas/oauth2/v3/te", fields, headers);
    return { status: answer.status, ...((await answer.json()) as TokenAnswer) };
  };

  /** The persona enters without pages; the code and what was asked for it. */
  const codeFor = async (persona: string, changes: Parameters = {}, by: EsiaSystem = system) => {
    const asked = authorization(by, clock.now(), changes);
    const answer = await ac({ ...asked, persona });
    return { asked, code: locationOf(answer).searchParams.get("code") ?? "", cookie: cookieOf(answer) };
  };
  const signIn = async (persona: string, changes: Parameters = {}, by: EsiaSystem = system) => {
    const { asked, code } = await codeFor(persona, changes, by);
    return te(codeExchange(by, clock.now(), asked, { code }));
  };
  const tell = (path: string, body: object) =>
    fetch(control + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  /** Forgets ordered scenarios and changes, and lets locks and remembered states run out. */
  const calm = async () => {
    await fetch(`${control}/_scenario`, { method: "DELETE" });
    await fetch(`${control}/_world`, { method: "DELETE" });
    await clock.advance(30 * 60_000);
    logged.length = 0;
  };
  const order = (scenario: string, at?: string) => tell("/_scenario", { system: "esia", scenario, at });
  return {
    clock,
    sandbox,
    control,
    base,
    system,
    logged,
    get,
    form,
    ac,
    te,
    codeFor,
    signIn,
    order,
    tell,
    calm,
  };
}

export type RunningEsia = Awaited<ReturnType<typeof startEsia>>;

export const locationOf = (answer: Response) =>
  new URL(answer.headers.get("location") ?? "", "http://nowhere.invalid");

export const cookieOf = (answer: Response) =>
  /ESIA_SESSION=[^;]*/.exec(answer.headers.get("set-cookie") ?? "")?.[0] ?? "";

/** One part of a JWT as text: 0 the header, 1 the claims. */
export const partOf = (token: string, index: number) =>
  Buffer.from(token.split(".")[index] ?? "", "base64url").toString();

export const claimsOf = (token: string) => JSON.parse(partOf(token, 1)) as Record<string, unknown>;
