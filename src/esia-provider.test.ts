import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cache } from "./cache/cache.ts";
import { readConfig } from "./config.ts";
import { ManualClock } from "./core/clock.ts";
import { createCertificate } from "./crypto/certificate-builder.ts";
import { generatePrivateKey, privateKeyToPkcs8, publicKeyOf, verifyMessage } from "./crypto/keys.ts";
import { pemFromDer } from "./crypto/pem.ts";
import { keySigner } from "./crypto/signer.ts";
import type { Verifier } from "./crypto/verifier.ts";
import { directEsia, openEsia } from "./esia-provider.ts";
import { certificateHash } from "./systems/esia/secret.ts";
import { Upstream } from "./upstream/call.ts";

const clock = new ManualClock();
const key = generatePrivateKey("CryptoPro-A");
const folder = mkdtempSync(join(tmpdir(), "esia-provider-"));
const file = (name: string) => join(folder, name);
const settings = {
  DATA_DIR: folder,
  ESIA_PROVIDER: "direct",
  ESIA_URL: "https://esia-portal1.test.gosuslugi.ru/",
  ESIA_CLIENT_KEY_FILE: file("key.pem"),
  ESIA_CLIENT_CERTIFICATE_FILE: file("certificate.pem"),
  ESIA_CERTIFICATES_FILE: file("esia.pem"),
};
let der: Uint8Array;

beforeAll(async () => {
  const template = {
    subject: { commonName: "MISCAB01" },
    publicKey: publicKeyOf(key),
    notBefore: new Date(clock.now() - 1_000),
    notAfter: new Date(clock.now() + 1_000),
  };
  ({ der } = await createCertificate(template, { signer: keySigner(key) }));
  const pem = pemFromDer(der, "CERTIFICATE");
  writeFileSync(file("key.pem"), pemFromDer(privateKeyToPkcs8(key), "PRIVATE KEY"));
  writeFileSync(file("certificate.pem"), pem);
  writeFileSync(file("esia.pem"), `${pem}\n${pem}`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(more: Record<string, string> = {}) {
  const upstream = new Upstream({ clock, cache: new Cache({ clock, maxBytes: 1_000 }), systems: {} });
  const sandbox = { url: "http://localhost:8091", certificates: [der] };
  const parts = { upstream, clock, verifier: {} as Verifier, sandbox };
  return openEsia(readConfig({ ...settings, ...more }), parts);
}

describe("the direct protocol from the settings", () => {
  it("signs with the key of the file and names the certificate by its hash", async () => {
    const esia = await open();
    const redirectUri = "https://cabinet.example.test/auth/callback";
    const { origin, searchParams: query } = new URL(
      await esia.authorizationUrl({ state: "s-1", redirectUri }),
    );
    expect(origin).toBe("https://esia-portal1.test.gosuslugi.ru");
    expect(query.get("client_certificate_hash")).toBe(certificateHash(der));
    const text = ["client_id", "scope", "timestamp", "state", "redirect_uri"].map((name) => query.get(name));
    const secret = Buffer.from(query.get("client_secret") ?? "", "base64url");
    expect(verifyMessage(publicKeyOf(key), "gost-256", Buffer.from(text.join("")), secret)).toBe(true);
  });

  it("believes every certificate of the list, and the http issuer of the host", async () => {
    const { trust } = await directEsia(readConfig(settings), clock);
    expect(trust.certificates).toHaveLength(2);
    expect(trust.issuer).toBe("http://esia-portal1.test.gosuslugi.ru/");
  });

  it("never takes the sandbox's certificates for another host's", async () => {
    const config = readConfig({ ...settings, ESIA_ISSUER: "http://other.example.test/" });
    const { trust, registration } = await directEsia(config, clock, {
      url: "http://localhost:8091",
      certificates: [],
    });
    expect(trust).toMatchObject({ issuer: "http://other.example.test/", certificates: { length: 2 } });
    expect(registration.baseUrl).toBe("https://esia-portal1.test.gosuslugi.ru");
  });
});

it("the sandbox is the provider where none is named", async () => {
  const esia = await open({ ESIA_PROVIDER: "" });
  const url = await esia.authorizationUrl({
    state: "s-1",
    redirectUri: "http://127.0.0.1:8080/auth/callback",
  });
  expect(url).toMatch(/^http:\/\/localhost:8091\/aas\/oauth2\/v2\/ac\?/);
});

it("a vendor's gateway needs no key of ours", async () => {
  const esia = await open({ ESIA_PROVIDER: "gateway", ESIA_CLIENT_SECRET: "s", ESIA_CLIENT_KEY_FILE: "" });
  expect(esia.kind).toBe("gateway");
});
