import { randomUUID } from "node:crypto";
import { issueCertificate } from "../../src/sandbox-crypto/certificate.ts";
import { createKey } from "../../src/sandbox-crypto/keys.ts";
import { streebog256 } from "../../src/sandbox-crypto/streebog.ts";

/** A system registered at ESIA, written for the tests from the fact sheet alone: it shares nothing with our client. */
export interface EsiaSystem {
  clientId: string;
  certificateDer: Uint8Array;
  /** client_certificate_hash */
  hash: string;
  /** raw 64-byte signature, base64url without padding */
  secret(text: string): string;
}

export function createEsiaSystem(clientId: string, now: number): EsiaSystem {
  const key = createKey("gost");
  const { der } = issueCertificate({
    subject: { commonName: clientId },
    key,
    notBefore: new Date(now - 86_400_000),
    notAfter: new Date(now + 365 * 86_400_000),
    keyUsages: ["digitalSignature"],
  }).certificate;
  return {
    clientId,
    certificateDer: der,
    hash: Buffer.from(streebog256(der)).toString("hex").toUpperCase(),
    secret: (text) => Buffer.from(key.sign(Buffer.from(text, "utf8"))).toString("base64url"),
  };
}

/** `2026.11.21 12:00:00 +0300` of an instant, Moscow time. */
export function timestampOf(at: number): string {
  const local = new Date(at + 3 * 3_600_000).toISOString();
  return `${local.slice(0, 10).replaceAll("-", ".")} ${local.slice(11, 19)} +0300`;
}

export type Parameters = Record<string, string>;

/** Signed parameters of GET v2/ac; `changes` replace values before the signature, `extra` are added after it. */
export function authorization(
  system: EsiaSystem,
  at: number,
  changes: Parameters = {},
  extra: Parameters = {},
): Parameters {
  const fields: Parameters = {
    client_id: system.clientId,
    scope: "openid fullname",
    timestamp: timestampOf(at),
    state: randomUUID(),
    redirect_uri: "http://127.0.0.1:8080/auth/callback",
    client_certificate_hash: system.hash,
    response_type: "code",
    access_type: "online",
    ...changes,
  };
  return { ...fields, client_secret: system.secret(commonText(fields)), ...extra };
}

/** Signed parameters of POST v3/te for a code. */
export function codeExchange(
  system: EsiaSystem,
  at: number,
  asked: Parameters,
  changes: Parameters = {},
): Parameters {
  const { scope = "", scope_org, redirect_uri = "" } = asked;
  const fields: Parameters = {
    client_id: system.clientId,
    scope,
    ...(scope_org ? { scope_org } : {}),
    timestamp: timestampOf(at),
    state: randomUUID(),
    redirect_uri,
    client_certificate_hash: system.hash,
    grant_type: "authorization_code",
    token_type: "Bearer",
    ...changes,
  };
  return { ...fields, client_secret: system.secret(commonText(fields) + (fields["code"] ?? "")) };
}

/** client_id + scope + scope_org + timestamp + state + redirect_uri, without separators. */
export function commonText(fields: Parameters): string {
  const names = ["client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri"];
  return names.map((name) => fields[name] ?? "").join("");
}
