import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
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
      notAfter: new Date(Date.now() + 60 * minute),
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
    fetchRevocation: () => Promise.reject(new CryptoError("revocation-refused", "none")),
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
