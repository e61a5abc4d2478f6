import { createHash, randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import type { SignatureAlgorithm } from "../../src/crypto/algorithms.ts";
import { verifyMessage } from "../../src/crypto/keys.ts";
import { streebog256 } from "../../src/crypto/streebog.ts";
import { certificatePublicKey, parseCertificate } from "../../src/crypto/x509.ts";
import {
  claimsOf,
  cookieOf,
  home,
  locationOf,
  partOf,
  type RunningEsia,
  startEsia,
} from "../support/esia-sandbox.ts";
import {
  authorization,
  codeExchange,
  commonText,
  createEsiaSystem,
  type EsiaSystem,
  type Parameters,
  timestampOf,
} from "../support/esia-system.ts";

let esia: RunningEsia;
let system: EsiaSystem;
let gost: EsiaSystem;
let outdated: EsiaSystem;
let disabled: EsiaSystem;

beforeAll(async () => {
  const clock = new ManualClock();
  gost = createEsiaSystem("GOSTMIS1", clock.now());
  outdated = createEsiaSystem("OLDCERT1", clock.now() - 400 * 86_400_000);
  disabled = createEsiaSystem("SWITCHED", clock.now());
  const common = { redirectUris: [home], tokenAlgorithm: "GOST3410_2012_256" } as const;
  const others = [
    { ...gost, ...common, scopes: ["openid", "fullname"] },
    { ...outdated, ...common },
    { ...disabled, ...common, disabled: true },
  ];
  esia = await startEsia(others, clock);
  system = esia.system;
});
afterAll(() => esia.sandbox.close());
afterEach(() => esia.calm());

const now = () => esia.clock.now();
const descriptionOf = (answer: Response) => locationOf(answer).searchParams.get("error_description");
const signs = (der: Uint8Array | undefined, algorithm: SignatureAlgorithm, token: string) => {
  const [header, payload, signature = ""] = token.split(".");
  const key = certificatePublicKey(parseCertificate(der ?? new Uint8Array()));
  return verifyMessage(
    key,
    algorithm,
    Buffer.from(`${header}.${payload}`),
    Buffer.from(signature, "base64url"),
  );
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("the request of a code", () => {
  it("passes as the fact sheet writes it, signed string included", async () => {
    const cabinet = createEsiaSystem("MISCAB01", Date.UTC(2026, 10, 21));
    const registered = {
      ...cabinet,
      redirectUris: ["https://cabinet.example.test"],
      tokenAlgorithm: "RS256",
    } as const;
    const other = await startEsia([registered], new ManualClock(Date.UTC(2026, 10, 21, 19, 10, 5)));
    const secret = cabinet.secret(
      "MISCAB01openid fullname birthdate snils usr_org2026.11.21 22:10:05 +03007d1b5c1e-3f0b-4f0a-9a64-2d5a1d1a6a11https://cabinet.example.test/auth/esia/callback",
    );
    const answer = await other.get(
      `/aas/oauth2/v2/ac?client_id=MISCAB01&client_secret=${secret}&scope=openid+fullname+birthdate+snils+usr_org&timestamp=2026.11.21+22%3A10%3A05+%2B0300&state=7d1b5c1e-3f0b-4f0a-9a64-2d5a1d1a6a11&redirect_uri=https%3A%2F%2Fcabinet.example.test%2Fauth%2Fesia%2Fcallback&client_certificate_hash=${cabinet.hash}&response_type=code&access_type=offline`,
    );
    await other.sandbox.close();
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/login"]);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^ESIA_SESSION=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  it("is refused for one flipped bit of its signature, whichever byte has it", async () => {
    const asked = authorization(system, now());
    for (const index of [0, 31, 32, 63]) {
      const signature = Buffer.from(asked["client_secret"] ?? "", "base64url");
      signature[index] = (signature[index] ?? 0) ^ 1;
      const forged = await esia.ac({ ...asked, client_secret: signature.toString("base64url") });
      expect(descriptionOf(forged)).toBe("ESIA-007053: OAuthErrorEnum.clientSecretWrong");
      expect(locationOf(forged).searchParams.get("error")).toBe("access_denied");
      expect(locationOf(forged).searchParams.get("state")).toBe(asked["state"]);
    }
    expect((await esia.ac(asked)).headers.get("location")).toBe("/login");
  });

  it("carries the secret in either base64 alphabet, padded or not", async () => {
    for (const write of [
      (secret: string) => `${secret}==`,
      (secret: string) => Buffer.from(secret, "base64url").toString("base64"),
    ]) {
      const asked = authorization(system, now());
      const answer = await esia.ac({ ...asked, client_secret: write(asked["client_secret"] ?? "") });
      expect(answer.headers.get("location")).toBe("/login");
    }
  });

  // changes before the signature; changes after it
  const wrong: [name: string, code: string, before: Parameters, after: Parameters][] = [
    [
      "no secret",
      "ESIA-007014: The request doesn`t contain the mandatory parameter [client_secret].",
      {},
      { client_secret: "" },
    ],
    ["another response type", "ESIA-007009", { response_type: "token" }, {}],
    ["a state that is no UUID", "ESIA-007003", { state: "1" }, {}],
    ["an unknown access type", "ESIA-007003", { access_type: "always" }, {}],
    ["a foreign filter", "ESIA-007003", { person_filter: "everybody" }, {}],
    ["an unreadable time", "ESIA-007015", { timestamp: "2026-11-21T12:00:00Z" }, {}],
    ["the hash in lower case", "ESIA-007053", {}, { client_certificate_hash: "ab".repeat(32) }],
    ["a CMS instead of a raw signature", "ESIA-007053", {}, { client_secret: "MII".repeat(400) }],
    ["a scope added after the signature", "ESIA-007053", {}, { scope: "openid fullname snils" }],
    ["an unknown scope", "ESIA-007006", { scope: "openid everything" }, {}],
    ["a full-address scope about persons", "ESIA-007006", { scope: "http://esia.gosuslugi.ru/usr_inf" }, {}],
    ["an unknown persona", "ESIA-007003", {}, { persona: "nobody" }],
  ];
  it.each(wrong)("is refused: %s", async (_name, code, before, after) => {
    const answer = await esia.ac({ ...authorization(system, now(), before), ...after });
    expect(locationOf(answer).origin + locationOf(answer).pathname).toBe(`${home}/auth/callback`);
    expect(descriptionOf(answer)).toMatch(new RegExp(`^${code.replace(/[.[\]]/g, "\\$&")}`));
  });

  it("is refused for a switched-off system, an outdated certificate and a scope that was not approved", async () => {
    expect(descriptionOf(await esia.ac(authorization(disabled, now())))).toMatch(/^ESIA-007005/);
    expect(descriptionOf(await esia.ac(authorization(outdated, now())))).toMatch(/^ESIA-007053/);
    const more = authorization(gost, now(), { scope: "openid snils" });
    expect(descriptionOf(await esia.ac(more))).toBe("ESIA-007019: OAuthErrorEnum.noGrants");
  });

  it("is good for ten minutes around its timestamp", async () => {
    const at = (ms: number) => esia.ac(authorization(system, now() + ms));
    for (const ms of [-600_000, 600_000]) expect((await at(ms)).headers.get("location")).toBe("/login");
    for (const ms of [-601_000, 601_000]) expect(descriptionOf(await at(ms))).toMatch(/^ESIA-007015/);
  });

  it("is refused when it comes again", async () => {
    const asked = authorization(system, now());
    expect((await esia.ac(asked)).headers.get("location")).toBe("/login");
    expect(descriptionOf(await esia.ac(asked))).toMatch(/^ESIA-007003.*\[state\]/);
  });

  it("never sends a browser to an address that is not registered", async () => {
    for (const redirect_uri of [
      "http://127.0.0.1:8080.evil.example/",
      "http://127.0.0.1:8080@evil.example/",
      "https://127.0.0.1:8080/auth/callback",
      "//evil.example",
    ]) {
      const answer = await esia.ac(authorization(system, now(), { redirect_uri }));
      expect([redirect_uri, answer.status, answer.headers.get("location")]).toEqual([
        redirect_uri,
        400,
        null,
      ]);
      expect(await answer.text()).toContain("ESIA-007023");
    }
    const unknown = await esia.ac({ ...authorization(system, now()), client_id: "NOBODY" });
    expect(await unknown.text()).toContain("ESIA-007005");
  });

  it("leads nowhere but home, the sign-in page or an error page, whatever is asked", async () => {
    const odd = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.constantFrom(
        "",
        home,
        `${home}.evil.example`,
        "//evil.example",
        "javascript:alert(1)",
        "%",
        "openid",
      ),
    );
    const names = Object.keys(authorization(system, now()));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names, "persona", "scope_org"), odd),
        async (changes) => {
          const before = authorization(system, now(), changes);
          for (const fields of [before, { ...authorization(system, now()), ...changes }]) {
            const answer = await esia.ac(fields);
            const target = answer.headers.get("location") ?? "";
            expect([302, 400]).toContain(answer.status);
            expect(target === "" || target === "/login" || new URL(target).origin === home).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is refused when a parameter is given twice", async () => {
    const query = new URLSearchParams(authorization(system, now()));
    query.append("scope", "openid");
    expect(descriptionOf(await esia.get(`/aas/oauth2/v2/ac?${query}`))).toMatch(/^ESIA-007003.*\[scope\]/);
  });

  it("lets only confirmed accounts in when the system says so", async () => {
    const person_filter = Buffer.from("conf_acc").toString("base64");
    const asked = (persona: string) => ({ ...authorization(system, now(), { person_filter }), persona });
    expect(descriptionOf(await esia.ac(asked("nosnils")))).toMatch(/^ESIA-007055/);
    expect(locationOf(await esia.ac(asked("doctor"))).searchParams.get("code")).toBeTruthy();
  });

  it("about an organisation is for its employees", async () => {
    const scope_org = "org_ogrn?org_oid=1000000001";
    const asked = (persona: string) => ({ ...authorization(system, now(), { scope_org }), persona });
    for (const persona of ["citizen", "blocked"])
      expect(descriptionOf(await esia.ac(asked(persona)))).toMatch(/^ESIA-007194/);
    const tokens = await esia.signIn("doctor", { scope_org });
    const organization = await esia.get("/rs/orgs/1000000001", bearer(tokens.access_token));
    expect(await organization.json()).toMatchObject({ oid: 1000000001, ogrn: "1207799000012" });
  });
});

describe("tokens", () => {
  it("have the layout of the captured ones, signed by RSA", async () => {
    const { asked, code } = await esia.codeFor("doctor", {
      scope: "openid fullname snils",
      access_type: "offline",
    });
    expect(code.length).toBeGreaterThan(700);
    await esia.clock.advance(105_000);
    const exchange = codeExchange(system, now(), asked, { code });
    const answer = await esia.te(exchange);
    expect(answer).toMatchObject({
      status: 200,
      state: exchange["state"],
      token_type: "Bearer",
      expires_in: 3600,
    });
    expect(Object.keys(answer).slice(1)).toEqual([
      "access_token",
      "id_token",
      "refresh_token",
      "state",
      "token_type",
      "expires_in",
    ]);
    const at = Math.floor(now() / 1000);
    const sid = claimsOf(answer.id_token)["urn:esia:sid"];
    const iss = `${esia.base.replaceAll("/", "\\/")}\\/`;
    expect(partOf(answer.access_token, 0)).toBe('{"ver":1,"typ":"JWT","sbt":"access","alg":"RS256"}');
    expect(partOf(answer.access_token, 1)).toBe(
      `{"nbf":${at},"scope":"openid fullname?oid=1000300890 snils?oid=1000300890","iss":"${iss}","urn:esia:sid":"${sid}","urn:esia:sbj_id":1000300890,"exp":${at + 3600},"iat":${at},"client_id":"MISCAB01"}`,
    );
    expect(partOf(answer.id_token, 0)).toBe('{"ver":0,"typ":"JWT","sbt":"id","alg":"RS256"}');
    expect(partOf(answer.id_token, 1)).toBe(
      `{"aud":"MISCAB01","sub":1000300890,"nbf":${at},"amr":"PWD","urn:esia:amd":"PWD","auth_time":${at - 105},"iss":"${iss}","urn:esia:sid":"${sid}","urn:esia:sbj":{"urn:esia:sbj:typ":"P","urn:esia:sbj:is_tru":true,"urn:esia:sbj:lvl":"PR","urn:esia:sbj:oid":1000300890,"urn:esia:sbj:nam":"OID.1000300890"},"exp":${at + 10800},"iat":${at}}`,
    );
    const [rsa] = esia.sandbox.esia.certificates;
    expect([answer.access_token, answer.id_token].map((token) => signs(rsa, "rsa-sha256", token))).toEqual([
      true,
      true,
    ]);
  });

  it("are signed by GOST for a system that chose it, with a published certificate", async () => {
    const { access_token, id_token } = await esia.signIn("doctor", {}, gost);
    expect(partOf(access_token, 0)).toBe('{"ver":1,"typ":"JWT","sbt":"access","alg":"GOST3410_2012_256"}');
    const pem = await (await esia.get("/public/esia-gost.crt")).text();
    const published = parseCertificate(pem).der;
    expect(Buffer.from(published).equals(Buffer.from(esia.sandbox.esia.certificates[1] ?? []))).toBe(true);
    expect([access_token, id_token].map((token) => signs(published, "gost-256", token))).toEqual([
      true,
      true,
    ]);
  });

  it.each([
    ["simple", "P"],
    ["nosnils", "P"],
    ["kid", "KD"],
  ])("of %s say level %s and nothing of confirmation", async (persona, level) => {
    const { id_token } = await esia.signIn(persona);
    const subject = claimsOf(id_token)["urn:esia:sbj"] as object;
    expect(subject).toMatchObject({ "urn:esia:sbj:lvl": level });
    expect(subject).not.toHaveProperty("urn:esia:sbj:is_tru");
  });

  it("come without an id token when openid was not asked", async () => {
    const answer = await esia.signIn("doctor", { scope: "fullname" });
    expect(answer.access_token).toBeTruthy();
    expect(answer).not.toHaveProperty("id_token");
    expect(answer).not.toHaveProperty("refresh_token");
  });
});

describe("the exchange of a code", () => {
  const description = "error_description";

  it("works once", async () => {
    const { asked, code } = await esia.codeFor("doctor");
    expect((await esia.te(codeExchange(system, now(), asked, { code }))).status).toBe(200);
    const again = codeExchange(system, now(), asked, { code });
    expect(await esia.te(again)).toEqual({
      status: 400,
      error: "invalid_grant",
      error_description: "ESIA-007011: OAuthErrorEnum.invalidGrant",
      state: again["state"],
    });
  });

  it("works for three minutes", async () => {
    const fresh = await esia.codeFor("doctor");
    const stale = await esia.codeFor("doctor");
    await esia.clock.advance(179_999);
    expect((await esia.te(codeExchange(system, now(), fresh.asked, { code: fresh.code }))).status).toBe(200);
    await esia.clock.advance(1);
    const late = await esia.te(codeExchange(system, now(), stale.asked, { code: stale.code }));
    expect(late[description]).toMatch(/^ESIA-007011/);
  });

  it.each([
    ["another redirect_uri", { redirect_uri: `${home}/other` }, "007011"],
    ["another scope", { scope: "openid" }, "007006"],
    ["a verifier nobody announced", { code_verifier: "x".repeat(43) }, "007039"],
    ["another grant type", { grant_type: "password" }, "007012"],
    ["an old timestamp", { timestamp: "2020.01.01 00:00:00 +0300" }, "007015"],
    ["no token type", { token_type: "" }, "007014"],
  ])("is refused for %s", async (_name, changes, code) => {
    const { asked, code: given } = await esia.codeFor("doctor");
    const answer = await esia.te(codeExchange(system, now(), asked, { code: given, ...changes }));
    expect([answer.status, answer[description].slice(0, 11)]).toEqual([400, `ESIA-${code}`]);
  });

  it("is refused for another system, a repeated state and a code outside the signature", async () => {
    const foreign = await esia.codeFor("doctor");
    const byOther = await esia.te(codeExchange(gost, now(), foreign.asked, { code: foreign.code }));
    expect(byOther[description]).toMatch(/^ESIA-007011/);
    const { asked, code } = await esia.codeFor("doctor");
    const exchange = codeExchange(system, now(), asked, { code });
    const unsigned = await esia.te({ ...exchange, code: `${code}x` });
    expect(unsigned[description]).toMatch(/^ESIA-007053/);
    expect((await esia.te(exchange)).status).toBe(200);
    expect((await esia.te(exchange))[description]).toMatch(/^ESIA-007003.*\[state\]/);
  });

  it("reads the query of the POST, but no JSON", async () => {
    const { asked, code } = await esia.codeFor("doctor");
    const fields = codeExchange(system, now(), asked, { code });
    const send = (path: string, init: RequestInit) => fetch(esia.base + path, { method: "POST", ...init });
    const headers = { "content-type": "application/json" };
    const json = await send("/aas/oauth2/v3/te", { body: JSON.stringify(fields), headers });
    expect([json.status, await json.text()]).toEqual([400, expect.stringContaining("ESIA-007014")]);
    const broken = await send("/aas/oauth2/v3/te", { body: "{", headers });
    expect([broken.status, await broken.text()]).toEqual([400, expect.stringContaining("ESIA-007038")]);
    expect((await send(`/aas/oauth2/v3/te?${new URLSearchParams(fields)}`, {})).status).toBe(200);
  });

  it.each([
    ["S256", (text: string) => createHash("sha256").update(text).digest()],
    ["GOST3411", (text: string) => Buffer.from(streebog256(Buffer.from(text)))],
  ])("holds a system to its %s code challenge", async (method, digest) => {
    const verifier = randomUUID() + randomUUID();
    const challenge = {
      code_challenge: digest(verifier).toString("base64url"),
      code_challenge_method: method,
    };
    for (const [code_verifier, status] of [
      ["another", 400],
      [verifier, 200],
    ] as const) {
      const { asked, code } = await esia.codeFor("doctor", challenge);
      const answer = await esia.te(codeExchange(system, now(), asked, { code, code_verifier }));
      expect(answer.status).toBe(status);
      if (status === 400) expect(answer[description]).toMatch(/^ESIA-007040/);
    }
  });
});

describe("other grants", () => {
  const offline = { access_type: "offline" };
  const refresh = (refresh_token: string, scope = "openid fullname", by = system): Parameters => {
    const fields: Parameters = {
      client_id: by.clientId,
      scope,
      timestamp: timestampOf(now()),
      state: randomUUID(),
      redirect_uri: `${home}/auth/callback`,
      client_certificate_hash: by.hash,
      grant_type: "refresh_token",
      token_type: "Bearer",
      refresh_token,
    };
    return { ...fields, client_secret: by.secret(commonText(fields)) };
  };

  it("a refresh token gives the next tokens of the same session, once", async () => {
    const first = await esia.signIn("doctor", offline);
    await esia.clock.advance(3_600_000);
    const second = await esia.te(refresh(first.refresh_token));
    expect(claimsOf(second.id_token)["urn:esia:sid"]).toBe(claimsOf(first.id_token)["urn:esia:sid"]);
    expect(claimsOf(second.id_token)["auth_time"]).toBe(claimsOf(first.id_token)["auth_time"]);
    expect(Number(claimsOf(second.access_token)["exp"])).toBe(
      Number(claimsOf(first.access_token)["exp"]) + 3600,
    );
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await esia.te(refresh(first.refresh_token))).error_description).toMatch(/^ESIA-007011/);
    expect((await esia.te(refresh(second.refresh_token))).status).toBe(200);
  });

  it("refreshes by either signed string of the sources and logs which", async () => {
    const first = await esia.signIn("doctor", offline);
    const { redirect_uri: _uri, client_certificate_hash: _hash, ...fields } = refresh(first.refresh_token);
    const text = `MISCAB01openid fullname${fields["timestamp"]}${fields["state"]}${first.refresh_token}`;
    const second = await esia.te({ ...fields, client_secret: system.secret(text) });
    expect(second.status).toBe(200);
    await esia.te(refresh(second.refresh_token));
    const signed = esia.logged.filter(({ message }) => message === "ESIA refreshes a token");
    expect(signed.map(({ fields: { outcome } }: { fields: { outcome?: string } }) => outcome)).toEqual([
      "refresh_token",
      "redirect_uri",
    ]);
  });

  it("keeps a refresh token to its system and scope", async () => {
    const tokens = await Promise.all(
      [1, 2].map(async () => (await esia.signIn("doctor", offline)).refresh_token),
    );
    const foreign = await esia.te(refresh(tokens[0] ?? "", "openid fullname", gost));
    expect(foreign.error_description).toMatch(/^ESIA-007011/);
    const wider = await esia.te(refresh(tokens[1] ?? "", "openid fullname snils"));
    expect(wider.error_description).toMatch(/^ESIA-007006/);
  });

  it("gives a system a token of its own that opens the organisation it names", async () => {
    const scope = ["org_inn", "org_fullname"].map(
      (name) => `http://esia.gosuslugi.ru/${name}?org_oid=1000000002`,
    );
    const asked = { scope: scope.join(" "), redirect_uri: `${home}/auth/callback` };
    const answer = await esia.te(
      codeExchange(system, now(), asked, { grant_type: "client_credentials", response_type: "token" }),
    );
    expect(claimsOf(answer.access_token)).toMatchObject({ scope: asked.scope, client_id: "MISCAB01" });
    expect(claimsOf(answer.access_token)).not.toHaveProperty("urn:esia:sbj_id");
    const card = await esia.get("/rs/orgs/1000000002", bearer(answer.access_token));
    const body = (await card.json()) as object;
    expect(body).toMatchObject({ fullName: "ГБУЗ «Тестовая городская больница № 2»", inn: "7799000020" });
    expect(body).not.toHaveProperty("ogrn");
    expect((await esia.get("/rs/orgs/1000000001", bearer(answer.access_token))).status).toBe(403);
    expect((await esia.get("/rs/prns/1000300890", bearer(answer.access_token))).status).toBe(403);
  });
});

describe("a living session", () => {
  it("answers with a code without a page and keeps the time of the true sign-in; logout ends it", async () => {
    const { asked, code, cookie } = await esia.codeFor("doctor");
    const first = await esia.te(codeExchange(system, now(), asked, { code }));
    await esia.clock.advance(600_000);
    const next = authorization(gost, now());
    const silent = locationOf(await esia.ac(next, { cookie }));
    const second = await esia.te(
      codeExchange(gost, now(), next, { code: silent.searchParams.get("code") ?? "" }),
    );
    for (const claim of ["auth_time", "urn:esia:sid", "sub"])
      expect(claimsOf(second.id_token)[claim]).toBe(claimsOf(first.id_token)[claim]);
    const after = encodeURIComponent(`${home}/logged-out`);
    const out = await esia.get(`/idp/ext/Logout?client_id=MISCAB01&redirect_url=${after}`, { cookie });
    expect([out.status, out.headers.get("location")]).toEqual([302, `${home}/logged-out`]);
    expect(locationOf(await esia.ac(authorization(system, now()), { cookie })).pathname).toBe("/login");
  });

  it("gets a new cookie at sign-in, so that a planted one is worth nothing", async () => {
    const planted = cookieOf(await esia.ac(authorization(system, now())));
    const entered = await esia.ac(
      { ...authorization(system, now()), persona: "doctor" },
      { cookie: planted },
    );
    expect(cookieOf(entered)).not.toBe(planted);
    expect(locationOf(await esia.ac(authorization(system, now()), { cookie: planted })).pathname).toBe(
      "/login",
    );
  });

  it("ends, but leads nowhere, when the address after logout is not registered", async () => {
    const { cookie } = await esia.codeFor("doctor");
    const evil = encodeURIComponent("https://evil.example/");
    const out = await esia.get(`/idp/ext/Logout?client_id=MISCAB01&redirect_url=${evil}`, { cookie });
    expect([out.status, out.headers.get("location")]).toEqual([400, null]);
    expect(locationOf(await esia.ac(authorization(system, now()), { cookie })).pathname).toBe("/login");
    expect((await esia.get("/idp/ext/Logout?client_id=MISCAB01")).status).toBe(200);
  });
});
