import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generatePrivateKey, publicKeyOf, verifyMessage } from "../../crypto/keys.ts";
import { keySigner } from "../../crypto/signer.ts";
import {
  certificateHash,
  clientSecret,
  esiaTimestamp,
  legacySignedString,
  refreshOrders,
  signedString,
} from "./secret.ts";

const fields = {
  clientId: "MISCAB01",
  scope: "openid fullname birthdate snils usr_org",
  timestamp: "2026.11.21 22:10:05 +0300",
  state: "7d1b5c1e-3f0b-4f0a-9a64-2d5a1d1a6a11",
  redirectUri: "https://cabinet.example.test/auth/esia/callback",
};
const example =
  "MISCAB01openid fullname birthdate snils usr_org2026.11.21 22:10:05 +03007d1b5c1e-3f0b-4f0a-9a64-2d5a1d1a6a11" +
  "https://cabinet.example.test/auth/esia/callback";

describe("the signed string", () => {
  it("of v2/ac is the example of the fact sheet, letter by letter", () => {
    expect(signedString(fields)).toBe(example);
  });

  it("of v3/te ends with the code", () => {
    expect(signedString(fields, "CODE.1")).toBe(`${example}CODE.1`);
  });

  it("has the organisation's scopes right after the person's", () => {
    expect(signedString({ ...fields, scopeOrg: "org_inn" })).toBe(
      example.replace("usr_org2026", "usr_orgorg_inn2026"),
    );
  });

  it("of version 1 is another one", () => {
    expect(legacySignedString(fields)).toBe(`${fields.scope}${fields.timestamp}MISCAB01${fields.state}`);
  });

  it("of a refresh follows the chosen order", () => {
    expect(refreshOrders["without-token"].signed(fields)).toBe(example);
    expect(refreshOrders["with-token"].signed(fields, "REFRESH")).toBe(
      example.replace("https://cabinet.example.test/auth/esia/callback", "REFRESH"),
    );
  });
});

describe("the timestamp", () => {
  it("is Moscow time with its offset", () => {
    expect(esiaTimestamp(Date.UTC(2026, 10, 21, 19, 10, 5))).toBe("2026.11.21 22:10:05 +0300");
    expect(esiaTimestamp(Date.UTC(2026, 11, 31, 21, 0, 0, 999))).toBe("2027.01.01 00:00:00 +0300");
  });

  it("reads back to the second it was made in", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        const [, day, time] = /^(\S+) (\S+) \+0300$/.exec(esiaTimestamp(seconds * 1000)) ?? [];
        expect(Date.parse(`${day?.replaceAll(".", "-")}T${time}+03:00`)).toBe(seconds * 1000);
      }),
    );
  });
});

describe("the client secret", () => {
  it("is a raw signature of 64 bytes over the UTF-8 string, base64url without padding", async () => {
    const key = generatePrivateKey("CryptoPro-A");
    const text = "МИС01openid";
    const secret = await clientSecret(keySigner(key), text);
    expect(secret).toMatch(/^[\w-]{86}$/);
    const signature = Buffer.from(secret, "base64url");
    expect(verifyMessage(publicKeyOf(key), "gost-256", Buffer.from(text, "utf8"), signature)).toBe(true);
  });
});

it("the certificate's hash is Streebog-256 over DER in upper-case hex", () => {
  // RFC 6986, message M1 of section 10.1
  const m1 = Buffer.from("012345678901234567890123456789012345678901234567890123456789012");
  expect(certificateHash(m1)).toBe("9D151EEFD8590B89DAA6BA6CB74AF9275DD051026BB149A452FD84E5E57B5500");
});
