import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { verifyMessage } from "../../crypto/keys.ts";
import type { Signer } from "../../crypto/signer.ts";
import { type Certificate, certificatePublicKey, parseCertificate } from "../../crypto/x509.ts";
import { datesOf, trustDates } from "./certificate-dates.ts";
import { certificateHash, legacySignedString, type SignedFields } from "./secret.ts";
import { type EsiaRegistration, TokenEndpoint } from "./token-endpoint.ts";

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export interface SelfCheck {
  registration: EsiaRegistration;
  redirectUri: string;
  /** certificates of ESIA's tokens in DER; absent: not looked at */
  certificates?: readonly Uint8Array[];
  fetch: Fetch;
}

const mostSkewMs = 60_000;

/** Tries what a sign-in will need before users do; each finding is a sentence of what is wrong and what to do. */
export async function checkEsia(check: SelfCheck): Promise<string[]> {
  const { registration, certificates, fetch } = check;
  const { signer, clientId, clock, baseUrl } = registration;
  if (signer.algorithm !== "gost-256")
    return ["The key of requests is not GOST R 34.10-2012 of 256 bits: ESIA takes no other."];
  const ours = parseCertificate(signer.certificateDer);
  const local = [
    ...datesOf(`The certificate of ${clientId}`, ours, clock.now()),
    ...(await pairOf(signer, ours)),
    ...(certificates
      ? trustDates(
          certificates.map((der) => parseCertificate(der)),
          clock.now(),
        )
      : []),
  ];
  const skew = await clockFindings(baseUrl, clock, fetch);
  return [...local, ...skew.findings, ...(skew.reached ? await requestFindings(check) : [])];
}

/** The same for a vendor's gateway: its description and its clock. */
export async function checkEsiaGateway(issuer: string, clock: Clock, fetch: Fetch): Promise<string[]> {
  const url = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const skew = await clockFindings(url, clock, fetch);
  if (!skew.reached) return skew.findings;
  const answer = await fetch(url, { redirect: "manual" });
  const description = (await answer.json().catch(() => undefined)) as { issuer?: unknown } | undefined;
  if (description?.issuer === issuer) return skew.findings;
  return [
    ...skew.findings,
    `${url} does not describe the issuer ${issuer}: compare ESIA_URL, slash included.`,
  ];
}

async function pairOf(signer: Signer, certificate: Certificate): Promise<string[]> {
  const message = new Uint8Array(32);
  const fits = verifyMessage(
    certificatePublicKey(certificate),
    signer.algorithm,
    message,
    await signer.sign(message),
  );
  return fits ? [] : ["The key does not belong to the certificate: ESIA would answer ESIA-007053."];
}

async function clockFindings(url: string, clock: Clock, fetch: Fetch) {
  const answer = await fetch(url, { redirect: "manual" }).catch(() => undefined);
  if (!answer)
    return { reached: false, findings: [`${url} does not answer: check address, network and TLS.`] };
  await answer.body?.cancel();
  const theirs = Date.parse(answer.headers.get("date") ?? "");
  const skewMs = clock.now() - theirs;
  if (Number.isNaN(theirs) || Math.abs(skewMs) <= mostSkewMs) return { reached: true, findings: [] };
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  const finding = `Our clock is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} that of ${url}: synchronise it (NTP).`;
  return { reached: true, findings: [finding] };
}

async function requestFindings(check: SelfCheck): Promise<string[]> {
  const refused = await probe(check);
  if (!refused) return [];
  const { clientId, signer, baseUrl, scope } = check.registration;
  if (refused === "ESIA-007053" && (await probe(check, legacySignedString)) === undefined)
    return [
      `${baseUrl} takes the signed string in the order of version 1: it is not the v2/ac that we speak.`,
    ];
  const hash = certificateHash(signer.certificateDer);
  const sentences: Readonly<Record<string, string>> = {
    "ESIA-007002": `no certificate is registered for ${clientId}: upload the one with the hash ${hash}`,
    "ESIA-007005": `${clientId} is unknown or switched off: check the mnemonic on the technical portal`,
    "ESIA-007006": `one of the scopes is unknown: ${scope}`,
    "ESIA-007015": "the request's time is refused: synchronise the clock (NTP)",
    "ESIA-007019": `one of the scopes is not granted to ${clientId}: ${scope}`,
    "ESIA-007023": `${check.redirectUri} is not registered as an address of return of ${clientId}`,
    "ESIA-007053": `signature or hash refused: ${clientId} has another certificate registered than the one with the hash ${hash}, or it is inactive there`,
    "ESIA-008010": `${clientId} could not be authenticated: check mnemonic and certificate`,
  };
  return [`${refused}: ${sentences[refused] ?? `${baseUrl} refuses the request`}.`];
}

/** ESIA's code or HTTP status by which v2/ac refuses a signed request; undefined when it leads to the login page. */
async function probe(
  { registration, redirectUri, fetch }: SelfCheck,
  order?: (fields: SignedFields) => string,
): Promise<string | undefined> {
  const endpoint = new TokenEndpoint(registration);
  const url = await endpoint.authorizationUrl(randomUUID(), redirectUri, {}, order);
  const answer = await fetch(url, { redirect: "manual" });
  const location = answer.headers.get("location") ?? "";
  const isBack = location.startsWith(redirectUri);
  if (answer.status < 400 && !isBack) return undefined;
  const text = isBack
    ? (new URL(location).searchParams.get("error_description") ?? "no description")
    : await answer.text();
  return /ESIA-\d{6}/.exec(text)?.[0] ?? `HTTP ${answer.status}`;
}
