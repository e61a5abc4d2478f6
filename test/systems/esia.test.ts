import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import type { ErrorCode } from "../../src/core/error-table.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createCertificate } from "../../src/crypto/certificate-builder.ts";
import { CryptoError } from "../../src/crypto/errors.ts";
import { generatePrivateKey, publicKeyOf } from "../../src/crypto/keys.ts";
import { createSigner, keySigner, type Signer } from "../../src/crypto/signer.ts";
import { createVerifier, type Verifier } from "../../src/crypto/verifier.ts";
import { loadMapping } from "../../src/fml/loader.ts";
import type { Mapping } from "../../src/fml/module.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/server.ts";
import { createEsia } from "../../src/systems/esia/client.ts";
import type { RefreshOrderName } from "../../src/systems/esia/secret.ts";
import { checkEsia } from "../../src/systems/esia/self-check.ts";
import type { TokenAlgorithm } from "../../src/systems/esia/token.ts";
import { Upstream } from "../../src/upstream/call.ts";
import { silentUpstreamObserver } from "../../src/upstream/observer.ts";
import { testContext } from "../support/upstream.ts";

const home = "http://127.0.0.1:8080";
const redirectUri = `${home}/auth/callback`;
const scope = "openid fullname birthdate gender snils inn email mobile id_doc usr_org";
const minute = 60_000;

let rsaSigner: Signer;
let gostSigner: Signer;
let sandbox: Sandbox;
let control: string;
let base: string;
let verifier: Verifier;
let toFhir: Mapping;
const heard: { fields: object; message: string }[] = [];

async function systemSigner(commonName: string): Promise<Signer> {
  const key = generatePrivateKey("CryptoPro-A");
  const { der } = await createCertificate(
    {
      subject: { commonName },
      publicKey: publicKeyOf(key),
      notBefore: new Date(Date.now() - 60 * minute),
      notAfter: new Date(Date.now() + 365 * 24 * 60 * minute),
    },
    { signer: keySigner(key) },
  );
  return createSigner(key, der);
}

beforeAll(async () => {
  [rsaSigner, gostSigner] = await Promise.all([systemSigner("MISCAB01"), systemSigner("GOSTMIS1")]);
  const registered = { redirectUris: [home] };
  sandbox = await createSandbox({
    clock: systemClock,
    logger: { ...silentLogger, info: (fields, message) => heard.push({ fields, message }) },
    esiaClients: [
      {
        ...registered,
        clientId: "MISCAB01",
        certificateDer: rsaSigner.certificateDer,
        tokenAlgorithm: "RS256",
      },
      {
        ...registered,
        clientId: "GOSTMIS1",
        certificateDer: gostSigner.certificateDer,
        tokenAlgorithm: "GOST3410_2012_256",
      },
    ],
  });
  control = await sandbox.listen(0, "127.0.0.1");
  base = await sandbox.esia.listen(0, "127.0.0.1");
  verifier = createVerifier({
    anchors: { roots: [] },
    revocation: { fetch: () => Promise.reject(new CryptoError("revocation-refused", "none")) },
  });
  toFhir = await loadMapping(new URL("../../mappings/esia/person/to-fhir.fml", import.meta.url));
});
afterAll(async () => {
  await sandbox.close();
  await verifier.close();
});

const opened: Upstream[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((upstream) => upstream.close()));
  await fetch(`${control}/_scenario`, { method: "DELETE" });
});

interface ClientOptions {
  algorithm?: TokenAlgorithm;
  certificates?: readonly Uint8Array[];
  signer?: Signer;
  clock?: Clock;
  refreshOrder?: RefreshOrderName;
  baseUrl?: string;
  scope?: string;
}

const attempts: string[] = [];

/** A client of its own pipeline: a breaker of one test must not meet the next one. */
function client(options: ClientOptions = {}) {
  const { algorithm = "RS256", clock = systemClock, refreshOrder = "without-token" } = options;
  const isRsa = algorithm === "RS256";
  const upstream = new Upstream({
    clock,
    cache: new Cache({ clock, maxBytes: 1_000_000 }),
    systems: { esia: { sandbox: true } },
    observer: { ...silentUpstreamObserver, attempt: (_system, kind) => attempts.push(kind) },
    random: () => 0,
  });
  opened.push(upstream);
  return createEsia({
    upstream,
    timeoutMs: 5_000,
    toFhir,
    registration: {
      baseUrl: options.baseUrl ?? base,
      clientId: isRsa ? "MISCAB01" : "GOSTMIS1",
      scope: options.scope ?? scope,
      signer: options.signer ?? (isRsa ? rsaSigner : gostSigner),
      clock,
      refreshOrder,
    },
    trust: {
      certificates: options.certificates ?? sandbox.esia.certificates,
      algorithm,
      issuer: `${base}/`,
      verifier,
    },
  });
}

type Client = ReturnType<typeof client>;

const context = (clock: Clock = systemClock, more: Partial<RequestContext> = {}) => testContext(clock, more);

/** Where the browser ends after ESIA let this persona in. */
async function callback(esia: Client, persona = "doctor"): Promise<URLSearchParams> {
  const url = await esia.authorizationUrl({
    state: crypto.randomUUID(),
    redirectUri,
    extra: { persona },
  });
  const answer = await fetch(url, { redirect: "manual" });
  return new URL(answer.headers.get("location") ?? "").searchParams;
}

async function codeOf(esia: Client, persona?: string): Promise<string> {
  return (await callback(esia, persona)).get("code") ?? "";
}

async function signIn(esia: Client, persona?: string, ctx = context()) {
  return esia.signIn({ code: await codeOf(esia, persona), redirectUri }, ctx);
}

const order = (scenario: string, more: object = {}) =>
  fetch(`${control}/_scenario`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ system: "esia", scenario, times: 1, ...more }),
  });

const shifted = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() + ms });

describe("a sign-in by the direct protocol", () => {
  it.each<TokenAlgorithm>(["RS256", "GOST3410_2012_256"])(
    "reads the person: tokens in %s",
    async (algorithm) => {
      const signedIn = await signIn(client({ algorithm }));
      expect(signedIn).toMatchObject({
        subject: "1000300890",
        sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        confirmed: true,
        level: "confirmed",
        amr: "PWD",
        refreshToken: expect.any(String),
      });
      expect(Math.abs(signedIn.authTime - Date.now())).toBeLessThan(minute);
      expect(signedIn.expiresAt - Date.now()).toBeGreaterThan(50 * minute);
      expect(signedIn.person).toMatchObject({
        resourceType: "Person",
        birthDate: "1985-05-20",
        gender: "male",
        name: [{ text: "Врачев Иван Примерович", family: "Врачев", given: ["Иван", "Примерович"] }],
      });
      expect(signedIn.person.identifier?.map(({ value }) => value)).toEqual([
        "1000300890",
        "90000000182",
        "779990000140",
      ]);
      expect(signedIn.documents.map(({ type, number, verified }) => [type, number, verified])).toContainEqual(
        ["RF_PASSPORT", "000001", true],
      );
      expect(signedIn.roles).toMatchObject([
        { active: true, chief: false, ogrn: expect.stringMatching(/^\d{13}$/) },
      ]);
    },
  );
});

const refusedWith = (code: ErrorCode, more: object = {}) => ({ code, system: "esia", ...more });
const te = { at: "/aas/oauth2/v3/te" };

describe("who signs in", () => {
  it.each([
    ["simple", { confirmed: false, level: "simplified" }],
    ["kid", { confirmed: false, level: "child" }],
    ["nomiddle", { confirmed: true, person: { name: [{ given: ["Александр"] }] } }],
    ["blocked", { confirmed: true, roles: [{ active: false }] }],
    ["chief", { roles: [{ active: true, chief: true }] }],
    ["norole", { confirmed: true, roles: [] }],
  ])("%s is told by account, name and roles", async (persona, expected) => {
    expect(await signIn(client(), persona)).toMatchObject(expected);
  });

  it("an account without a СНИЛС has none", async () => {
    const { person } = await signIn(client(), "simple");
    expect(person.identifier?.map(({ system }) => system)).toEqual([
      "https://cabinet-gateway.example/fhir/NamingSystem/esia-oid",
    ]);
  });

  it("blocks outside the scopes are not asked for", async () => {
    const { person, documents, roles } = await signIn(client({ scope: "openid fullname snils" }));
    expect({ telecom: person.telecom, documents, roles }).toEqual({
      telecom: undefined,
      documents: [],
      roles: [],
    });
  });

  it("a corrected profile counts at the next sign-in", async () => {
    const { people } = (await (await fetch(`${control}/_world`)).json()) as { people: { id: string }[] };
    const doctor = people.find(({ id }) => id === "doctor");
    const esia = client();
    const before = await signIn(esia);
    await fetch(`${control}/_world`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ people: [{ ...doctor, family: "Исправленов" }] }),
    });
    const after = await signIn(esia);
    await fetch(`${control}/_world`, { method: "DELETE" });
    expect([before, after].map(({ person }) => person.name?.[0]?.family)).toEqual(["Врачев", "Исправленов"]);
  });
});

describe("an answer that is not to be believed", () => {
  it.each<[string, ErrorCode]>([
    ["wrong-signature", "esia-token-signature"],
    ["alg-none", "esia-token-signature"],
    ["swapped-sbt", "esia-token-malformed"],
    ["foreign-client", "esia-token-audience"],
    ["wrong-issuer", "esia-token-issuer"],
    ["other-subject", "esia-token-mismatch"],
    ["token-clock-ahead", "esia-token-time"],
    ["wrong-state", "esia-token-mismatch"],
    ["replayed-code", "sign-in-expired"],
  ])("L-16 %s is 401: %s", async (scenario, code) => {
    await order(scenario);
    const error = await signIn(client()).catch((thrown) => thrown);
    expect(error).toMatchObject(refusedWith(code));
    expect(error.row.status).toBe(401);
  });

  it.each<TokenAlgorithm>(["RS256", "GOST3410_2012_256"])(
    "is one signed by a certificate of the list that has run out: %s",
    async (algorithm) => {
      const certificates = [...(await sandbox.esia.expiredCertificates()), ...sandbox.esia.certificates];
      await order("expired-certificate");
      const esia = client({ algorithm, certificates });
      await expect(signIn(esia)).rejects.toMatchObject(refusedWith("esia-token-signature"));
      expect((await signIn(esia)).subject).toBe("1000300890");
    },
  );

  it("is one in an algorithm that the setting does not name", async () => {
    const esia = client({ signer: rsaSigner, algorithm: "RS256", certificates: [] });
    await expect(signIn(esia)).rejects.toMatchObject(refusedWith("esia-token-signature"));
  });
});

describe("time", () => {
  it.each([15, -15])("our clock %i minutes off is named", async (minutes) => {
    const esia = client({ clock: shifted(minutes * minute) });
    const answer = await callback(esia);
    const refusal = esia.refusal({
      error: answer.get("error") ?? "",
      description: answer.get("error_description") ?? "",
    });
    expect(refusal).toMatchObject(refusedWith("esia-clock-rejected", { detail: "ESIA-007015" }));
  });

  it("tokens of a clock 15 minutes behind are valid still", async () => {
    await order("token-clock-behind");
    expect((await signIn(client())).subject).toBe("1000300890");
  });
});

describe("a refusal", () => {
  const refusalOfCallback = async (esia: Client) => {
    const answer = await callback(esia);
    const description = answer.get("error_description") ?? "";
    return esia.refusal({ error: answer.get("error") ?? "", description });
  };

  it("of a request signed with another key is that of our system", async () => {
    const signer = { ...gostSigner, certificateDer: rsaSigner.certificateDer };
    const refusal = await refusalOfCallback(client({ signer }));
    expect(refusal).toMatchObject(refusedWith("esia-client-rejected", { detail: "ESIA-007053" }));
  });

  const codes: [string, ErrorCode][] = [
    ["007002", "esia-client-rejected"],
    ["007003", "esia-request-rejected"],
    ["007004", "sign-in-cancelled"],
    ["007005", "esia-client-rejected"],
    ["007006", "esia-scope-rejected"],
    ["007007", "auth-upstream-down"],
    ["007008", "auth-upstream-down"],
    ["007009", "esia-request-rejected"],
    ["007011", "sign-in-expired"],
    ["007012", "esia-request-rejected"],
    ["007013", "esia-scope-rejected"],
    ["007014", "esia-request-rejected"],
    ["007015", "esia-clock-rejected"],
    ["007019", "esia-scope-rejected"],
    ["007038", "esia-request-rejected"],
    ["007039", "esia-request-rejected"],
    ["007040", "esia-request-rejected"],
    ["007046", "second-factor-missing"],
    ["007053", "esia-client-rejected"],
    ["007055", "account-not-confirmed"],
    ["007060", "esia-request-rejected"],
    ["007061", "esia-request-rejected"],
    ["007062", "profile-organization-mismatch"],
    ["007110", "auth-upstream-down"],
    ["007194", "profile-organization-mismatch"],
    ["008010", "esia-client-rejected"],
  ];
  it.each(codes)("ESIA-%s at the exchange is %s", async (esiaCode, code) => {
    const esia = client();
    const spent = await codeOf(esia);
    await order(`esia-${esiaCode}`, { ...te, times: 9 });
    await expect(esia.signIn({ code: spent, redirectUri }, context())).rejects.toMatchObject(
      refusedWith(code, { detail: `ESIA-${esiaCode}` }),
    );
  });

  it.each(codes.filter(([code]) => code !== "007023"))(
    "ESIA-%s at the address of return is %s",
    async (esiaCode, code) => {
      await order(`esia-${esiaCode}`);
      expect(await refusalOfCallback(client())).toMatchObject(refusedWith(code));
    },
  );

  it("of a replayed code is final: no second attempt", async () => {
    const esia = client();
    const code = await codeOf(esia);
    await esia.signIn({ code, redirectUri }, context());
    attempts.length = 0;
    await expect(esia.signIn({ code, redirectUri }, context())).rejects.toMatchObject(
      refusedWith("sign-in-expired"),
    );
    expect(attempts).toEqual(["first"]);
  });

  it.each<[string, ErrorCode]>([
    ["token-expired", "sign-in-expired"],
    ["scopes-missing", "esia-scope-rejected"],
  ])("of REST, %s, is %s", async (scenario, code) => {
    await order(scenario, { times: 9 });
    await expect(signIn(client())).rejects.toMatchObject(refusedWith(code));
  });
});

describe("a portal in trouble", () => {
  it("an HTML page at the exchange is survived by another attempt", async () => {
    const esia = client();
    const code = await codeOf(esia);
    await order("html-502", te);
    attempts.length = 0;
    expect((await esia.signIn({ code, redirectUri }, context())).subject).toBe("1000300890");
    expect(attempts.slice(0, 2)).toEqual(["first", "retry"]);
  });

  it.each([["html-502"], ["error-500"], ["reset"], ["unavailable-retry-after"], ["malformed"]])(
    "%s that lasts is told as the portal being down",
    async (scenario) => {
      const esia = client();
      const code = await codeOf(esia);
      await order(scenario, { ...te, times: 9 });
      await expect(esia.signIn({ code, redirectUri }, context())).rejects.toMatchObject(
        refusedWith("auth-upstream-down", { retryAfter: expect.any(Number) }),
      );
    },
  );

  it("that is not there at all is told so, at the exchange and at REST", async () => {
    const gone = client({ baseUrl: "http://127.0.0.1:1" });
    await expect(gone.signIn({ code: "any", redirectUri }, context())).rejects.toMatchObject(
      refusedWith("auth-upstream-down"),
    );
    const esia = client();
    const code = await codeOf(esia);
    await order("reset", { at: "/rs/", times: 99 });
    await expect(esia.signIn({ code, redirectUri }, context())).rejects.toMatchObject(
      refusedWith("auth-upstream-down"),
    );
  });

  it("another shape of tokens is the contract's breach, not an outage", async () => {
    const esia = client();
    const code = await codeOf(esia);
    await order("wrong-schema", { ...te, times: 9 });
    await expect(esia.signIn({ code, redirectUri }, context())).rejects.toMatchObject(
      refusedWith("upstream-wrong-shape"),
    );
  });
});

describe("a refresh", () => {
  it.each<[RefreshOrderName, string]>([
    ["without-token", "redirect_uri"],
    ["with-token", "refresh_token"],
  ])("signed %s gives the same person and a new token", async (refreshOrder, signed) => {
    const esia = client({ refreshOrder });
    const first = await signIn(esia);
    heard.length = 0;
    const second = await esia.refresh(first.refreshToken ?? "", redirectUri, context());
    expect(second).toMatchObject({ subject: first.subject, refreshToken: expect.any(String) });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(heard).toContainEqual(expect.objectContaining({ fields: { actor: "MISCAB01", outcome: signed } }));
  });

  it("that overlaps another one with the same token shares its exchange", async () => {
    const esia = client();
    const { refreshToken = "" } = await signIn(esia);
    const both = await Promise.all([1, 2].map(() => esia.refresh(refreshToken, redirectUri, context())));
    expect(new Set(both.map((signedIn) => signedIn.refreshToken)).size).toBe(1);
  });

  it("with a spent token asks for a new sign-in", async () => {
    const esia = client();
    const { refreshToken = "" } = await signIn(esia);
    await esia.refresh(refreshToken, redirectUri, context());
    await expect(esia.refresh(refreshToken, redirectUri, context())).rejects.toMatchObject(
      refusedWith("sign-in-expired"),
    );
  });
});

describe("an organisation under the system's own token", () => {
  it("is an Organization with ОГРН and ИНН", async () => {
    const esia = client();
    const { roles } = await signIn(esia);
    const organization = await esia.organization(roles[0]?.organizationOid ?? "", redirectUri, context());
    expect(organization).toMatchObject({ resourceType: "Organization", active: true, name: roles[0]?.name });
    expect(organization.identifier).toEqual([
      { system: "urn:oid:1.2.643.100.1", value: roles[0]?.ogrn },
      { system: "urn:oid:1.2.643.100.4", value: expect.stringMatching(/^\d{10}$/) },
    ]);
  });
});

describe("sign-out", () => {
  it("ends ESIA's session and comes back to the registered address", async () => {
    const url = await client().logoutUrl(`${home}/signed-out`);
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.headers.get("location")).toBe(`${home}/signed-out`);
  });
});

it("an operator hears of certificates before they run out", () => {
  const inDays = (days: number) => client({ clock: shifted(days * 24 * 60 * minute) }).notices();
  expect(inDays(0)).toEqual([]);
  expect(inDays(340)).toEqual([expect.stringMatching(/^The certificate of MISCAB01 runs out/)]);
  expect(inDays(366)).toContainEqual(expect.stringMatching(/^The certificate of MISCAB01 expired/));
});

it("extra parameters can't replace ours", async () => {
  const esia = client();
  const url = new URL(
    await esia.authorizationUrl({
      state: "ours",
      redirectUri,
      extra: { state: "theirs", client_id: "OTHER", response_type: "token" },
    }),
  );
  expect(url.searchParams.getAll("state")).toEqual(["ours"]);
  expect(url.searchParams.getAll("client_id")).toEqual(["MISCAB01"]);
  expect(url.searchParams.getAll("response_type")).toEqual(["code"]);
});

describe("the self-test", () => {
  const check = (
    change: { signer?: Signer; clientId?: string; clock?: Clock; redirectUri?: string } = {},
  ) => {
    const { redirectUri: back = redirectUri, ...registration } = change;
    return checkEsia({
      registration: {
        baseUrl: base,
        clientId: "MISCAB01",
        scope,
        signer: rsaSigner,
        clock: systemClock,
        refreshOrder: "without-token",
        ...registration,
      },
      redirectUri: back,
      certificates: sandbox.esia.certificates,
      fetch,
    });
  };

  it("finds nothing where everything is right", async () => {
    expect(await check()).toEqual([]);
  });

  it("names an address of return that is not registered", async () => {
    const back = "https://elsewhere.example.test/auth/callback";
    expect(await check({ redirectUri: back })).toEqual([
      `ESIA-007023: ${back} is not registered as an address of return of MISCAB01.`,
    ]);
  });

  it("names a certificate that is not the registered one, with its hash", async () => {
    const [finding, ...more] = await check({ signer: gostSigner });
    expect(finding).toMatch(/^ESIA-007053: .* hash [0-9A-F]{64}/);
    expect(more).toEqual([]);
  });

  it("names a system that is unknown", async () => {
    expect(await check({ clientId: "NOBODY" })).toEqual([expect.stringMatching(/^ESIA-007005: NOBODY/)]);
  });

  it.each([
    [15, "ahead of"],
    [-15, "behind"],
  ])("names a clock %i minutes off", async (minutes, word) => {
    const found = await check({ clock: shifted(minutes * minute) });
    expect(found[0]).toMatch(new RegExp(`^Our clock is (899|900|901) s ${word}`));
    expect(found[1]).toMatch(/^ESIA-007015/);
  });
});
