import { beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { createCertificate } from "../../crypto/certificate-builder.ts";
import {
  generatePrivateKey,
  type KeyKind,
  type PrivateKey,
  parsePublicKey,
  publicKeyOf,
  verifyMessage,
} from "../../crypto/keys.ts";
import { keySigner } from "../../crypto/signer.ts";
import { type TokenAlgorithm, TokenReader, type TokenTrust } from "./token.ts";

const clock = new ManualClock();
const now = Math.floor(clock.now() / 1_000);
const issuer = "http://esia-portal1.test.gosuslugi.ru/";
const sid = "a1510cb2-0112-4f2f-b3db-6bc75db40e0e";
const day = 86_400_000;

const access = {
  nbf: now,
  scope: "openid fullname?oid=1000300890",
  iss: issuer,
  "urn:esia:sid": sid,
  "urn:esia:sbj_id": 1000300890,
  exp: now + 3600,
  iat: now,
  client_id: "MISCAB01",
};
const id = {
  aud: "MISCAB01",
  sub: 1000300890,
  nbf: now,
  amr: "PWD",
  auth_time: now - 105,
  iss: issuer,
  "urn:esia:sid": sid,
  "urn:esia:sbj": { "urn:esia:sbj:typ": "P", "urn:esia:sbj:is_tru": true, "urn:esia:sbj:lvl": "PR" },
  exp: now + 10_800,
  iat: now,
};

interface Authority {
  key: PrivateKey;
  certificate: Uint8Array;
}

async function authority(kind: KeyKind, validFor = { from: -day, to: day }): Promise<Authority> {
  const key = generatePrivateKey(kind);
  const certificate = await createCertificate(
    {
      subject: { commonName: "Минцифры" },
      publicKey: publicKeyOf(key),
      notBefore: new Date(clock.now() + validFor.from),
      notAfter: new Date(clock.now() + validFor.to),
    },
    { signer: keySigner(key) },
  );
  return { key, certificate: certificate.der };
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function signed(key: PrivateKey, header: object, claims: object): Promise<string> {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${Buffer.from(await keySigner(key).sign(Buffer.from(text))).toString("base64url")}`;
}

let rsa: Authority;
let gost: Authority;
let old: Authority;
beforeAll(async () => {
  [rsa, gost, old] = await Promise.all([
    authority("rsa-2048"),
    authority("CryptoPro-A"),
    authority("rsa-2048", { from: -2 * day, to: -day }),
  ]);
});

function reader(certificates: readonly Uint8Array[], more: Partial<TokenTrust> = {}): TokenReader {
  return new TokenReader({
    certificates,
    algorithm: "RS256",
    issuer,
    clientId: "MISCAB01",
    clock,
    verifier: {
      verifyMessage: async ({ spki, algorithm, message, signature }) =>
        verifyMessage(parsePublicKey(spki), algorithm, message, signature),
    },
    ...more,
  });
}

const header = (sbt: string, alg = "RS256") => ({ ver: 1, typ: "JWT", sbt, alg });
const idToken = (claims: object = {}, head: object = header("id")) =>
  signed(rsa.key, head, { ...id, ...claims });
const accessToken = (claims: object = {}, head: object = header("access")) =>
  signed(rsa.key, head, { ...access, ...claims });

describe("a pair of tokens", () => {
  it("signed with RSA is read", async () => {
    const { id: claims } = await reader([rsa.certificate]).pair(await idToken(), await accessToken());
    expect(claims).toMatchObject({ sub: 1000300890, amr: "PWD" });
  });

  it("signed with GOST R 34.10-2012 is read", async () => {
    const gostReader = reader([gost.certificate], { algorithm: "GOST3410_2012_256" });
    const [idText, accessText] = await Promise.all([
      signed(gost.key, header("id", "GOST3410_2012_256"), id),
      signed(gost.key, header("access", "GOST3410_2012_256"), access),
    ]);
    expect((await gostReader.pair(idText, accessText)).access["urn:esia:sid"]).toBe(sid);
  });

  it.each<[string, object, object]>([
    ["two persons", { sub: 1000300891 }, {}],
    ["two sessions", {}, { "urn:esia:sid": "another" }],
    ["a system's access token", {}, { "urn:esia:sbj_id": undefined }],
  ])("of %s is refused", async (_what, ofId, ofAccess) => {
    const tokens = reader([rsa.certificate]).pair(await idToken(ofId), await accessToken(ofAccess));
    await expect(tokens).rejects.toMatchObject({ code: "esia-token-mismatch" });
  });

  it("with the two swapped is refused", async () => {
    const swapped = reader([rsa.certificate]).pair(await accessToken(), await idToken());
    await expect(swapped).rejects.toMatchObject({ code: "esia-token-malformed", detail: "sbt" });
  });
});

describe("a certificate of ESIA", () => {
  it("is found by trial among several", async () => {
    const other = await authority("rsa-2048");
    const certificates = [gost.certificate, old.certificate, other.certificate, rsa.certificate];
    await expect(reader(certificates).idToken(await idToken())).resolves.toBeDefined();
  });

  it.each([
    ["of another key", () => [gost.certificate], "no trusted certificate fits"],
    ["that has run out", () => [old.certificate], "every trusted certificate has run out"],
    ["that is lacking", () => [], "every trusted certificate has run out"],
  ])("%s confirms nothing", async (_what, certificates, detail) => {
    const text = await signed(old.key, header("id"), id);
    await expect(reader(certificates()).idToken(text)).rejects.toMatchObject({
      code: "esia-token-signature",
      detail,
    });
  });
});

describe("a damaged id token", () => {
  const cases: [string, ErrorCode, object, object][] = [
    ["of another issuer", "esia-token-issuer", { iss: "https://esia-portal1.test.gosuslugi.ru/" }, {}],
    ["for another system", "esia-token-audience", { aud: "OTHER01" }, {}],
    ["for several other systems", "esia-token-audience", { aud: ["OTHER01", "OTHER02"] }, {}],
    ["that ran out 60 s ago", "esia-token-time", { exp: now - 60 }, {}],
    ["that begins in 61 s", "esia-token-time", { nbf: now + 61 }, {}],
    ["issued in 15 minutes", "esia-token-time", { iat: now + 900 }, {}],
    ["without a subject", "esia-token-malformed", { sub: undefined }, {}],
    ["without an end", "esia-token-malformed", { exp: undefined }, {}],
    ["with alg none", "esia-token-signature", {}, { alg: "none" }],
    ["with an algorithm of its own choice", "esia-token-signature", {}, { alg: "GOST3410_2012_256" }],
    ["with HMAC over the public certificate", "esia-token-signature", {}, { alg: "HS256" }],
    ["without an algorithm", "esia-token-signature", {}, { alg: undefined }],
    ["of another type", "esia-token-malformed", {}, { typ: "JWE" }],
    ["marked as an access token", "esia-token-malformed", {}, { sbt: "access" }],
  ];
  it.each(cases)("%s is refused: %s", async (_what, code, claims, head) => {
    const text = await idToken(claims, { ...header("id"), ...head });
    await expect(reader([rsa.certificate]).idToken(text)).rejects.toMatchObject({ code, system: "esia" });
  });

  it("is refused at each byte of its signed part", async () => {
    const text = await idToken();
    const signedLength = text.lastIndexOf(".");
    const tokens = reader([rsa.certificate]);
    for (let at = 0; at < signedLength; at += 7) {
      const flipped = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      await expect(tokens.idToken(flipped)).rejects.toMatchObject({ system: "esia" });
    }
  });

  it.each([
    ["nothing", ""],
    ["two parts", "e30.e30"],
    ["four parts", "e30.e30.e30.e30"],
    ["no JSON", "AAAA.AAAA.AAAA"],
    ["an array as header", `${part([])}.e30.AAAA`],
    ["foreign characters", "e30=.e30.AA+A"],
    ["20,000 characters", `${"e30".padEnd(20_000, "A")}.e30.AAAA`],
  ])("of %s is refused", async (_what, text) => {
    await expect(reader([rsa.certificate]).idToken(text)).rejects.toMatchObject({
      code: expect.stringMatching(/^esia-token-(malformed|signature)$/),
    });
  });

  it("without a signature is refused", async () => {
    const [head, claims] = (await idToken()).split(".");
    await expect(reader([rsa.certificate]).idToken(`${head}.${claims}.`)).rejects.toMatchObject({
      code: "esia-token-signature",
    });
  });
});

describe("times of a token", () => {
  it.each([
    ["ended 59 s ago", { exp: now - 59 }],
    ["begins in 60 s", { nbf: now + 60, iat: now + 60 }],
  ])("one that %s is within the skew", async (_what, claims) => {
    await expect(reader([rsa.certificate]).idToken(await idToken(claims))).resolves.toBeDefined();
  });
});

it("an access token of another system is refused", async () => {
  const foreign = reader([rsa.certificate]).accessToken(await accessToken({ client_id: "OTHER01" }));
  await expect(foreign).rejects.toMatchObject({ code: "esia-token-audience" });
});

it.each<TokenAlgorithm>(["RS256", "GOST3410_2012_256"])(
  "a GOST signature under an RSA header and the reverse are refused: %s",
  async (algorithm) => {
    const certificates = [rsa.certificate, gost.certificate];
    const key = algorithm === "RS256" ? gost.key : rsa.key;
    const text = await signed(key, header("id", algorithm), id);
    await expect(reader(certificates, { algorithm }).idToken(text)).rejects.toMatchObject({
      code: "esia-token-signature",
    });
  },
);
