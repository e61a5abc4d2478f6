import { readFileSync } from "node:fs";
import { type Config, esiaProviderOf } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { parsePrivateKey } from "./crypto/keys.ts";
import { allDerFromPem, derFromPem } from "./crypto/pem.ts";
import { createSigner, type Signer } from "./crypto/signer.ts";
import type { Verifier } from "./crypto/verifier.ts";
import { loadMapping } from "./fml/loader.ts";
import { sandboxEsiaClient } from "./generated-keys.ts";
import { createEsia, createEsiaGateway } from "./systems/esia/client.ts";
import type { IdentityProvider } from "./systems/esia/identity-provider.ts";
import type { EsiaRegistration } from "./systems/esia/token-endpoint.ts";
import type { Upstream } from "./upstream/call.ts";

const personMap = new URL("../mappings/esia/person/to-fhir.fml", import.meta.url);

/** Where the sandbox plays ESIA, and the certificates that sign its tokens. */
export interface SandboxEsia {
  url: string;
  certificates: readonly Uint8Array[];
}

interface EsiaParts {
  upstream: Upstream;
  clock: Clock;
  verifier: Verifier;
  sandbox?: SandboxEsia;
}

/** The identity provider that the settings name. */
export async function openEsia(config: Config, parts: EsiaParts): Promise<IdentityProvider> {
  const { upstream, clock, verifier, sandbox } = parts;
  const timeoutMs = config.UPSTREAM_TIMEOUT_MS;
  if (esiaProviderOf(config) === "gateway")
    return createEsiaGateway({
      upstream,
      clock,
      timeoutMs,
      issuer: config.ESIA_URL ?? "",
      clientId: config.ESIA_CLIENT_ID,
      clientSecret: config.ESIA_CLIENT_SECRET ?? "",
      scope: config.ESIA_SCOPES,
    });
  const { registration, trust } = await directEsia(config, clock, sandbox);
  return createEsia({
    upstream,
    timeoutMs,
    registration,
    trust: { ...trust, verifier },
    toFhir: await loadMapping(personMap),
  });
}

/** What the direct protocol needs of the settings: who we are at ESIA, and whose tokens we believe. */
export async function directEsia(config: Config, clock: Clock, sandbox?: SandboxEsia) {
  const isSandbox = esiaProviderOf(config) === "sandbox";
  const baseUrl = (isSandbox ? sandbox?.url : config.ESIA_URL)?.replace(/\/+$/, "") ?? "";
  const registration: EsiaRegistration = {
    baseUrl,
    clientId: config.ESIA_CLIENT_ID,
    scope: config.ESIA_SCOPES,
    signer: await signerOf(config, clock),
    clock,
    refreshOrder: config.ESIA_REFRESH_ORDER,
  };
  const trust = {
    certificates: (isSandbox && sandbox?.certificates) || certificatesIn(config.ESIA_CERTIFICATES_FILE),
    algorithm: config.ESIA_TOKEN_ALGORITHM,
    issuer: config.ESIA_ISSUER ?? `${baseUrl.replace(/^https:/, "http:")}/`,
  };
  return { registration, trust };
}

async function signerOf(config: Config, clock: Clock): Promise<Signer> {
  const { ESIA_CLIENT_KEY_FILE: keyFile, ESIA_CLIENT_CERTIFICATE_FILE: certificateFile } = config;
  if (esiaProviderOf(config) === "sandbox" || !keyFile || !certificateFile) {
    const { client, privateKey } = await sandboxEsiaClient(config, clock);
    return createSigner(privateKey, client.certificateDer);
  }
  return createSigner(
    parsePrivateKey(readFileSync(keyFile, "utf8")),
    derFromPem(readFileSync(certificateFile, "utf8"), "CERTIFICATE"),
  );
}

const certificatesIn = (file: string | undefined): Uint8Array[] =>
  file ? allDerFromPem(readFileSync(file, "utf8"), "CERTIFICATE") : [];
