import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/server.ts";
import {
  authorization,
  codeExchange,
  createEsiaSystem,
  type EsiaSystem,
  type Parameters,
} from "../support/esia-system.ts";

const clock = new ManualClock();
let sandbox: Sandbox;
let control: string;
let base: string;
let system: EsiaSystem;
let gostSystem: EsiaSystem;
let logged: { fields: object; message: string }[] = [];

beforeAll(async () => {
  system = await createEsiaSystem("MISCAB01", clock.now());
  gostSystem = await createEsiaSystem("GOSTMIS1", clock.now());
  const home = ["http://127.0.0.1:8080"];
  sandbox = await createSandbox({
    clock,
    logger: { ...silentLogger, info: (fields, message) => logged.push({ fields, message }) },
    esiaClients: [
      { ...system, redirectUris: home, tokenAlgorithm: "RS256" },
      {
        ...gostSystem,
        redirectUris: home,
        tokenAlgorithm: "GOST3410_2012_256",
        scopes: ["openid", "fullname"],
      },
    ],
  });
  control = await sandbox.listen(0, "127.0.0.1");
  base = await sandbox.esia.listen(0, "127.0.0.1");
});
afterAll(() => sandbox.close());
beforeEach(() => {
  logged = [];
});
afterEach(async () => {
  await fetch(`${control}/_scenario`, { method: "DELETE" });
  // locks and repeated states of one test are over before the next
  await clock.advance(30 * 60_000);
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(base + path, { redirect: "manual", headers });
const form = (path: string, fields: Parameters, headers: Record<string, string> = {}) =>
  fetch(base + path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual", headers });
const ac = (fields: Parameters, headers: Record<string, string> = {}) =>
  get(`/aas/oauth2/v2/ac?${new URLSearchParams(fields)}`, headers);
const te = (fields: Parameters, headers: Record<string, string> = {}) =>
  form("/aas/oauth2/v3/te", fields, headers);
const order = (scenario: string, more: object = {}) =>
  fetch(`${control}/_scenario`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ system: "esia", scenario, ...more }),
  });

const location = (answer: Response) => new URL(answer.headers.get("location") ?? "", base);
const cookieOf = (answer: Response) =>
  /ESIA_SESSION=[^;]*/.exec(answer.headers.get("set-cookie") ?? "")?.[0] ?? "";
const descriptionOf = (answer: Response) => location(answer).searchParams.get("error_description") ?? "";

interface TokenAnswer {
  access_token: string;
  id_token: string;
  refresh_token?: string;
  state: string;
  token_type: string;
  expires_in: number;
  error_description?: string;
}

const json = async <T = TokenAnswer>(answer: Response) => (await answer.json()) as T;

/** The text of one part of a JWT. */
const part = (token: string, index: number) =>
  Buffer.from(token.split(".")[index] ?? "", "base64url").toString();
const claims = (token: string) => JSON.parse(part(token, 1)) as Record<string, unknown>;

async function codeFor(persona: string, changes: Parameters = {}, by = system) {
  const asked = authorization(by, clock.now(), changes, { persona });
  const answer = await ac(asked);
  return { asked, answer, code: location(answer).searchParams.get("code") ?? "", cookie: cookieOf(answer) };
}

async function signIn(persona: string, changes: Parameters = {}, by = system) {
  const { asked, code } = await codeFor(persona, changes, by);
  return json(await te(codeExchange(by, clock.now(), asked, { code })));
}

describe("sign-in at ESIA", () => {
  it("goes from a signed request over a code and a token to the person's card", async () => {
    const asked = authorization(
      system,
      clock.now(),
      { scope: "openid fullname snils" },
      { persona: "doctor" },
    );
    const callback = location(await ac(asked));
    expect(callback.origin + callback.pathname).toBe("http://127.0.0.1:8080/auth/callback");
    expect(callback.searchParams.get("state")).toBe(asked["state"]);
    const code = callback.searchParams.get("code") ?? "";
    const exchange = codeExchange(system, clock.now(), asked, { code });
    const answer = await json(await te(exchange));
    expect(Object.keys(answer)).toEqual(["access_token", "id_token", "state", "token_type", "expires_in"]);
    expect(answer).toMatchObject({ state: exchange["state"], token_type: "Bearer", expires_in: 3600 });
    const card = await get("/rs/prns/1000300890", { authorization: `Bearer ${answer.access_token}` });
    expect(await card.json()).toEqual({
      stateFacts: ["EntityRoot"],
      firstName: "Иван",
      lastName: "Врачев",
      middleName: "Примерович",
      snils: "900-000-001 82",
      trusted: true,
      updatedOn: 1795200000,
      status: "REGISTERED",
      verifying: false,
      containsUpCfmCode: false,
      eTag: expect.stringMatching(/^[0-9A-F]{40}$/),
    });
  });
});

describe("what ESIA refuses", () => {
  it("one flipped byte of the signature", async () => {
    const asked = authorization(system, clock.now(), {}, { persona: "doctor" });
    const signature = Buffer.from(asked["client_secret"] ?? "", "base64url");
    signature[17]! ^= 1;
    const forged = await ac({ ...asked, client_secret: signature.toString("base64url") });
    expect(location(forged).searchParams.get("error")).toBe("access_denied");
    expect(descriptionOf(forged)).toBe("ESIA-007053: OAuthErrorEnum.clientSecretWrong");
    expect(location(await ac(asked)).searchParams.get("code")).toBeTruthy();
  });
});

it("two algorithms, one browser, a picker, scenarios and a form", async () => {
  const gost = await signIn("doctor", {}, gostSystem);
  expect(part(gost.access_token, 0)).toBe('{"ver":1,"typ":"JWT","sbt":"access","alg":"GOST3410_2012_256"}');
  expect(claims(gost.id_token)["aud"]).toBe("GOSTMIS1");
  const asked = await ac(authorization(system, clock.now()));
  expect(location(asked).pathname).toBe("/login");
  const page = await (await get("/login", { cookie: cookieOf(asked) })).text();
  const request = /name="request" value="([^"]+)"/.exec(page)?.[1] ?? "";
  const cancelled = await form("/login/cancel", { request }, { cookie: cookieOf(asked) });
  expect(descriptionOf(cancelled)).toMatch(/^ESIA-007004/);
  await order("esia-007019");
  expect(descriptionOf(await ac(authorization(system, clock.now())))).toMatch(/^ESIA-007019/);
  expect(logged.map(({ message }) => message)).toContain("ESIA refused an authorization request");
});
