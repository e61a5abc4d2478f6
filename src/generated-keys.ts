import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import type { Client } from "./access/clients.ts";
import type { Config } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { createCertificate } from "./crypto/certificate-builder.ts";
import {
  generatePrivateKey,
  type PrivateKey,
  parsePrivateKey,
  privateKeyToPkcs8,
  publicKeyOf,
} from "./crypto/keys.ts";
import { derFromPem, pemFromDer } from "./crypto/pem.ts";
import { keySigner } from "./crypto/signer.ts";
import { readCertificate, type Signer } from "./sandbox-crypto/certificate.ts";
import { createKey, type KeyKind, keyFromPem, keyToPem, type SigningKey } from "./sandbox-crypto/keys.ts";
import type { EsiaClient } from "./systems/esia/sandbox/clients.ts";
import { createTokenKey, issueTokenSigner, type KeptSigners } from "./systems/esia/sandbox/token-keys.ts";
import { issueRoot, type KeptRoots } from "./systems/pki/sandbox/authorities.ts";

/** Keys that a sandbox start makes for itself in DATA_DIR, so that two commands are enough to try the product. */

/** The master key from settings, or one generated once in the data folder. */
export function masterKeyOf(config: { MASTER_KEY?: string; DATA_DIR: string }): Uint8Array {
  const text =
    config.MASTER_KEY ?? keptFile(config.DATA_DIR, "master.key", () => randomBytes(32).toString("base64"));
  return Buffer.from(text, "base64");
}

const demoRegion = "1.2.643.5.1.13.13.12.2.77";
const demoTenant = `${demoRegion}.90001`;

/** Clients of the sandbox; their private keys lie in the data folder for `npm run demo` and the tour. */
export async function demoClients(dataDir: string, sandboxUrl?: string): Promise<Client[]> {
  return [
    {
      clientId: "demo",
      name: "Демонстрационная МИС",
      tenant: demoTenant,
      scopes: ["system/*.cruds"],
      duties: ["tracing"],
      signature: "qualified",
      subscriptionEndpoints: sandboxUrl === undefined ? [] : [`${sandboxUrl}/subscriber`],
      jwks: await keptJwks(dataDir, "demo-client"),
    },
    {
      clientId: "demo-security",
      name: "Демонстрационная служба безопасности",
      tenant: demoTenant,
      scopes: ["system/AuditEvent.rs"],
      duties: ["security"],
      jwks: await keptJwks(dataDir, "demo-security-client"),
    },
    {
      clientId: "demo-regulator",
      name: "Демонстрационный регулятор",
      tenant: "1.2.643.5.1.13.13.12.4.77.1",
      scopes: ["system/AuditEvent.rs"],
      duties: ["regulator"],
      remit: [demoRegion],
      jwks: await keptJwks(dataDir, "demo-regulator-client"),
    },
  ];
}

async function keptJwks(dataDir: string, name: string): Promise<Client["jwks"]> {
  const { privateKey } = await generateKeyPair("ES384", { extractable: true });
  const fresh = await exportJWK(privateKey);
  const text = keptFile(dataDir, `${name}.jwk.json`, () => JSON.stringify({ ...fresh, alg: "ES384" }));
  const { d: _private, ...publicKey } = JSON.parse(text) as JWK;
  return { keys: [{ ...publicKey, kid: await calculateJwkThumbprint(publicKey) }] };
}

/** The gateway's own system at the sandbox's ESIA; its GOST key and certificate lie in the data folder. */
export async function sandboxEsiaClient(
  config: Pick<Config, "DATA_DIR" | "PUBLIC_URL" | "ESIA_CLIENT_ID" | "ESIA_TOKEN_ALGORITHM">,
  clock: Clock,
): Promise<{ client: EsiaClient; privateKey: PrivateKey }> {
  const privateKey = keptKey(config.DATA_DIR, "esia-client", () => generatePrivateKey("CryptoPro-A"));
  const { der } = await createCertificate(
    {
      subject: {
        commonName: config.ESIA_CLIENT_ID,
        organization: "Песочница, без юридической силы",
        country: "RU",
      },
      publicKey: publicKeyOf(privateKey),
      notBefore: new Date(clock.now() - dayMs),
      notAfter: new Date(clock.now() + 3650 * dayMs),
    },
    { signer: keySigner(privateKey) },
  );
  const client: EsiaClient = {
    clientId: config.ESIA_CLIENT_ID,
    certificateDer: keptCertificate(config.DATA_DIR, "esia-client", der),
    redirectUris: [config.PUBLIC_URL],
    tokenAlgorithm: config.ESIA_TOKEN_ALGORITHM,
  };
  return { client, privateKey };
}

/** What the sandbox's ESIA signs tokens with, so that partners need not fetch its certificates at each start. */
export function sandboxTokenSigners(dataDir: string, clock: Clock): KeptSigners {
  const signer = (algorithm: EsiaClient["tokenAlgorithm"], name: string) =>
    keptSigner(dataDir, name, {
      create: () => createTokenKey(algorithm),
      certify: (key) => issueTokenSigner(key, "esia", clock),
    });
  return {
    RS256: signer("RS256", "sandbox-esia-rsa"),
    GOST3410_2012_256: signer("GOST3410_2012_256", "sandbox-esia-gost"),
  };
}

/** Roots of the sandbox's certification authorities, so that what was signed before a restart is still trusted. */
export function sandboxPkiRoots(dataDir: string, clock: Clock): KeptRoots {
  const root = (kind: KeyKind) =>
    keptSigner(dataDir, `sandbox-pki-${kind}`, {
      create: () => createKey(kind),
      certify: (key) => issueRoot(key, clock.now()),
    });
  return { rsa: root("rsa"), gost: root("gost") };
}

interface SignerMaker {
  create(): SigningKey;
  certify(key: SigningKey): Signer;
}

/** A sandbox's own key and certificate: made and read by its own code, not by the gateway's. */
function keptSigner(dataDir: string, name: string, { create, certify }: SignerMaker): Signer {
  const key = keyFromPem(keptFile(dataDir, `${name}.key.pem`, () => keyToPem(create())));
  const der = keptCertificate(dataDir, name, certify(key).certificate.der);
  return { key, certificate: readCertificate(der) };
}

const dayMs = 24 * 3_600_000;

function keptKey(dataDir: string, name: string, create: () => PrivateKey): PrivateKey {
  const pem = () => pemFromDer(privateKeyToPkcs8(create()), "PRIVATE KEY");
  return parsePrivateKey(keptFile(dataDir, `${name}.key.pem`, pem));
}

function keptCertificate(dataDir: string, name: string, fresh: Uint8Array): Uint8Array {
  const pem = keptFile(dataDir, `${name}.crt.pem`, () => pemFromDer(fresh, "CERTIFICATE"));
  return derFromPem(pem, "CERTIFICATE");
}

function keptFile(dataDir: string, name: string, create: () => string): string {
  const path = join(dataDir, name);
  if (existsSync(path)) return readFileSync(path, "utf8");
  mkdirSync(dataDir, { recursive: true });
  const text = create();
  writeFileSync(path, text, { mode: 0o600 });
  return text;
}
