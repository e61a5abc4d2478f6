import { beforeAll, expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import { createCertificate } from "../../crypto/certificate-builder.ts";
import { generatePrivateKey, type PrivateKey, publicKeyOf, verifyMessage } from "../../crypto/keys.ts";
import { createSigner, keySigner, type Signer } from "../../crypto/signer.ts";
import { checkEsia, checkEsiaGateway, type SelfCheck } from "./self-check.ts";

const clock = new ManualClock();
const date = { date: new Date(clock.now()).toUTCString() };
const redirectUri = "https://cabinet.example.test/auth/callback";
const dayMs = 86_400_000;

let key: PrivateKey;
beforeAll(() => {
  key = generatePrivateKey("CryptoPro-A");
});

async function signer(days: { from?: number; to?: number } = {}, certified = key): Promise<Signer> {
  const { from = -10, to = 100 } = days;
  const { der } = await createCertificate(
    {
      subject: { commonName: "MISCAB01" },
      publicKey: publicKeyOf(certified),
      notBefore: new Date(clock.now() + from * dayMs),
      notAfter: new Date(clock.now() + to * dayMs),
    },
    { signer: keySigner(certified) },
  );
  return createSigner(key, der);
}

/** ESIA's host by what it answers to v2/ac. */
const host =
  (answer: (query: URLSearchParams) => Response): SelfCheck["fetch"] =>
  async (url) => {
    const { pathname, searchParams } = new URL(url);
    return pathname === "/aas/oauth2/v2/ac" ? answer(searchParams) : new Response("", { headers: date });
  };
const login = () => new Response(null, { status: 302, headers: { location: "/login", ...date } });
const refusal = (description: string) =>
  new Response(null, {
    status: 302,
    headers: {
      location: `${redirectUri}?${new URLSearchParams({ error: "x", error_description: description })}`,
    },
  });

async function check(change: Partial<SelfCheck> = {}, with_ = signer()) {
  return checkEsia({
    registration: {
      baseUrl: "https://esia.example.test",
      clientId: "MISCAB01",
      scope: "openid",
      signer: await with_,
      clock,
      refreshOrder: "without-token",
    },
    redirectUri,
    fetch: host(login),
    ...change,
  });
}

it.each([
  ["that has expired", { to: -1 }, /^The certificate of MISCAB01 expired on 2026-11-20/],
  ["that is not valid yet", { from: 2 }, /^The certificate of MISCAB01 is valid from 2026-11-23 only/],
  ["that runs out soon", { to: 12.5 }, /runs out on 2026-12-03, in 12 days/],
])("a certificate %s is named", async (_what, days, sentence) => {
  expect(await check({}, signer(days))).toEqual([expect.stringMatching(sentence)]);
});

it("a key of another certificate is named", async () => {
  const other = signer({}, generatePrivateKey("CryptoPro-A"));
  expect(await check({}, other)).toEqual([expect.stringMatching(/^The key does not belong/)]);
});

it("a key that is not GOST is named", async () => {
  const rsa = createSigner(generatePrivateKey("rsa-2048"), new Uint8Array());
  expect(await check({}, Promise.resolve(rsa))).toEqual([expect.stringMatching(/not GOST/)]);
});

it("ESIA's own certificates are looked at together", async () => {
  const [old, fresh] = await Promise.all([signer({ to: -1 }), signer()]);
  const both = [old.certificateDer, fresh.certificateDer];
  expect(await check({ certificates: both })).toEqual([]);
  expect(await check({ certificates: both.slice(0, 1) })).toEqual([expect.stringMatching(/expired/)]);
  expect(await check({ certificates: [] })).toEqual([expect.stringMatching(/^No certificate/)]);
});

it("a host that takes the order of version 1 is named", async () => {
  const legacyHost = host((query) => {
    const [scope, timestamp, id, state] = ["scope", "timestamp", "client_id", "state"].map((name) =>
      query.get(name),
    );
    const text = Buffer.from(`${scope}${timestamp}${id}${state}`);
    const secret = Buffer.from(query.get("client_secret") ?? "", "base64url");
    return verifyMessage(publicKeyOf(key), "gost-256", text, secret)
      ? login()
      : refusal("ESIA-007053: OAuthErrorEnum.clientSecretWrong");
  });
  expect(await check({ fetch: legacyHost })).toEqual([expect.stringMatching(/order of version 1/)]);
});

it.each([
  ["a scope that is not granted", () => refusal("ESIA-007019: noGrants"), /^ESIA-007019: .*openid/],
  ["a code of the future", () => refusal("ESIA-999999: x"), /^ESIA-999999: .*refuses/],
  ["a refusal without a code", () => refusal("sorry"), /^HTTP 302/],
  ["an outage", () => new Response("<html>", { status: 502 }), /^HTTP 502/],
])("%s is named", async (_what, answer, sentence) => {
  expect(await check({ fetch: host(answer) })).toEqual([expect.stringMatching(sentence)]);
});

it("a host that does not answer is named once", async () => {
  const fetch = () => Promise.reject(new TypeError("fetch failed"));
  expect(await check({ fetch })).toEqual([expect.stringMatching(/does not answer/)]);
});

it("a vendor's gateway is asked for its description", async () => {
  const issuer = "https://gateway.example.test";
  const described = (text: string) => async () => new Response(text, { headers: date });
  expect(await checkEsiaGateway(issuer, clock, described(JSON.stringify({ issuer })))).toEqual([]);
  expect(await checkEsiaGateway(`${issuer}/`, clock, described(JSON.stringify({ issuer })))).toEqual([
    expect.stringMatching(/does not describe the issuer/),
  ]);
  expect(await checkEsiaGateway(issuer, clock, described("<html>"))).toHaveLength(1);
});
