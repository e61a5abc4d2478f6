import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { createEsiaGateway } from "../../src/systems/esia/client.ts";
import { Upstream } from "../../src/upstream/call.ts";
import { testContext } from "../support/upstream.ts";

const redirectUri = "http://127.0.0.1:8080/auth/callback";
const clientId = "MISCAB01";
const clientSecret = "a secret of the vendor's gateway";

const claims = {
  given_name: "Иван",
  family_name: "Врачев",
  middle_name: "Примерович",
  birthdate: "1985-05-20",
  gender: "male",
  email: "doctor@example.org",
  email_verified: true,
  phone_number: "+79990000001",
  phone_number_verified: false,
  snils: "900-000-001 82",
  inn: "779990000140",
  trusted: true,
  roles: [{ oid: 1000000001, ogrn: "1020000000006", fullName: "ГБУЗ ТЕСТ", active: true, chief: false }],
};

/** What is changed on the vendor's side for one test. */
let tamper: ((path: string, body: string) => string) | undefined;
let down = false;
let asked: string[] = [];
let issuer: string;
let provider: Provider;
const server = createServer((request, response) => void answer(request, response));

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: ["http://127.0.0.1:8080/"],
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    pkce: { required: () => false },
    cookies: { keys: ["a key of the test"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/let-in/${interaction.uid}` },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    claims: {
      openid: ["sub", "sid", "snils", "inn", "trusted", "roles"],
      profile: ["given_name", "family_name", "middle_name", "birthdate", "gender"],
      email: ["email", "email_verified"],
      phone: ["phone_number", "phone_number_verified"],
    },
    findAccount: (_ctx, accountId) => ({
      accountId,
      claims: async () => ({ sub: accountId, ...claims }),
    }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new provider.Grant({
        clientId: oidc.client?.clientId,
        accountId: oidc.session?.accountId,
      });
      grant.addOIDCScope("openid profile email phone");
      await grant.save();
      return grant;
    },
  });
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").split("?")[0] ?? "";
  asked.push(path);
  if (down) return void response.writeHead(502, { "content-type": "text/html" }).end("<html>502</html>");
  if (path.startsWith("/let-in/"))
    return provider.interactionFinished(request, response, { login: { accountId: "1000300890" } });
  const change = tamper;
  if (change) {
    const end = response.end.bind(response);
    response.end = ((body: unknown) => {
      response.removeHeader("content-length");
      return end(change(path, String(body ?? "")));
    }) as typeof response.end;
  }
  await provider.callback()(request, response);
}

const opened: Upstream[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((upstream) => upstream.close()));
  tamper = undefined;
  down = false;
  asked = [];
});

function client(options: { clock?: Clock; secret?: string; issuer?: string } = {}) {
  const { clock = systemClock } = options;
  const upstream = new Upstream({
    clock,
    cache: new Cache({ clock, maxBytes: 1_000_000 }),
    systems: { esia: { sandbox: false } },
    random: () => 0,
  });
  opened.push(upstream);
  return createEsiaGateway({
    upstream,
    clock,
    timeoutMs: 5_000,
    issuer: options.issuer ?? issuer,
    clientId,
    clientSecret: options.secret ?? clientSecret,
    scope: "openid profile email phone",
  });
}

type Client = ReturnType<typeof client>;

/** Follows the redirects of one browser until it comes back to the cabinet. */
async function callback(esia: Client): Promise<URLSearchParams> {
  const jar = new Map<string, string>();
  let url = await esia.authorizationUrl({ state: "state-1", redirectUri });
  for (let turn = 0; turn < 10 && !url.startsWith(redirectUri); turn++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const reply = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const set of reply.headers.getSetCookie()) {
      const [name = "", value = ""] = (set.split(";")[0] ?? "").split("=");
      jar.set(name, value);
    }
    url = new URL(reply.headers.get("location") ?? "about:blank", url).href;
  }
  return new URL(url).searchParams;
}

async function signIn(esia: Client, more: { iss?: string } = {}) {
  const code = (await callback(esia)).get("code") ?? "";
  return esia.signIn({ code, redirectUri, ...more }, testContext(systemClock));
}

/** Replaces claims of the id token, which its signature does not follow. */
const withClaims =
  (changes: object) =>
  (path: string, body: string): string => {
    if (path !== "/token") return body;
    const tokens = JSON.parse(body) as { id_token: string };
    const [header, payload = "", signature] = tokens.id_token.split(".");
    const changed = { ...JSON.parse(Buffer.from(payload, "base64url").toString()), ...changes };
    const part = Buffer.from(JSON.stringify(changed)).toString("base64url");
    return JSON.stringify({ ...tokens, id_token: `${header}.${part}.${signature}` });
  };

describe("a sign-in through a vendor's gateway", () => {
  it("comes back with state and code, and reads the person from the claims", async () => {
    const esia = client();
    const answer = await callback(esia);
    expect(answer.get("state")).toBe("state-1");
    const iss = answer.get("iss") ?? undefined;
    expect(iss).toBe(issuer);
    const code = answer.get("code") ?? "";
    const signedIn = await esia.signIn({ code, redirectUri, iss }, testContext(systemClock));
    expect(signedIn).toMatchObject({
      subject: "1000300890",
      confirmed: true,
      level: "confirmed",
      refreshToken: expect.any(String),
      documents: [],
      roles: [{ organizationOid: "1000000001", ogrn: "1020000000006", active: true, chief: false }],
    });
    expect(signedIn.person).toMatchObject({
      birthDate: "1985-05-20",
      gender: "male",
      name: [{ text: "Врачев Иван Примерович", family: "Врачев", given: ["Иван", "Примерович"] }],
      telecom: [{ system: "email", value: "doctor@example.org", use: "home" }],
    });
    expect(signedIn.person.identifier?.map(({ value }) => value)).toEqual([
      "1000300890",
      "90000000182",
      "779990000140",
    ]);
    expect(Math.abs(signedIn.authTime - Date.now())).toBeLessThan(60_000);
  });

  it("refreshes to a new token", async () => {
    const esia = client();
    const { refreshToken = "" } = await signIn(esia);
    const both = await Promise.all(
      [1, 2].map(() => esia.refresh(refreshToken, redirectUri, testContext(systemClock))),
    );
    expect(both[0]).toMatchObject({ subject: "1000300890", refreshToken: expect.any(String) });
    expect(both[0]).toBe(both[1]);
  });

  it("asks for the vendor's description and keys once", async () => {
    const esia = client();
    await signIn(esia);
    await signIn(esia);
    expect(asked.filter((path) => path.includes("well-known"))).toHaveLength(1);
    expect(asked.filter((path) => path === "/jwks")).toHaveLength(1);
  });

  it("signs out at the vendor's end of session", async () => {
    const url = new URL(await client().logoutUrl("http://127.0.0.1:8080/"));
    expect(url.pathname).toBe("/session/end");
    expect(url.searchParams.get("post_logout_redirect_uri")).toBe("http://127.0.0.1:8080/");
  });
});

describe("an answer of a vendor's gateway that is not to be believed", () => {
  it.each([
    ["changed claims under the old signature", { given_name: "Другой" }, "esia-token-signature"],
    ["another issuer", { iss: "http://127.0.0.1:1" }, "esia-token-issuer"],
    ["another audience", { aud: "OTHER01" }, "esia-token-audience"],
    ["a token that ran out", { exp: 1_700_000_000 }, "esia-token-time"],
  ])("%s", async (_what, changes, code) => {
    const esia = client();
    tamper = withClaims(changes);
    await expect(signIn(esia)).rejects.toMatchObject({ code, system: "esia" });
  });

  it("an iss of another server at the callback", async () => {
    await expect(signIn(client(), { iss: "http://127.0.0.1:1" })).rejects.toMatchObject({
      code: expect.stringMatching(/^esia-token-/),
    });
  });

  it("userinfo of another person", async () => {
    const esia = client();
    tamper = (path, body) => (path === "/me" ? JSON.stringify({ ...JSON.parse(body), sub: "2" }) : body);
    await expect(signIn(esia)).rejects.toMatchObject({ code: "esia-token-mismatch" });
  });

  it.each([-2, 2])("tokens when our clock is %i hours off", async (hours) => {
    const clock = { ...systemClock, now: () => Date.now() + hours * 3_600_000 };
    const esia = client({ clock });
    const code = (await callback(esia)).get("code") ?? "";
    await expect(esia.signIn({ code, redirectUri }, testContext(clock))).rejects.toMatchObject({
      code: "esia-token-time",
    });
  });
});

describe("a refusal of a vendor's gateway", () => {
  it("a code used twice is final", async () => {
    const esia = client();
    const code = (await callback(esia)).get("code") ?? "";
    await esia.signIn({ code, redirectUri }, testContext(systemClock));
    await expect(esia.signIn({ code, redirectUri }, testContext(systemClock))).rejects.toMatchObject({
      code: "sign-in-expired",
    });
  });

  it("a wrong secret is ours to mend", async () => {
    await expect(signIn(client({ secret: "wrong" }))).rejects.toMatchObject({ code: "esia-client-rejected" });
  });

  it.each(["discovery", "exchange"])("an HTML page at the %s is an outage", async (step) => {
    const esia = client();
    const code = step === "exchange" ? ((await callback(esia)).get("code") ?? "") : "any";
    down = true;
    await expect(esia.signIn({ code, redirectUri }, testContext(systemClock))).rejects.toMatchObject({
      code: "auth-upstream-down",
      retryAfter: 60,
    });
  });
});
