import { randomUUID } from "node:crypto";
import { cpus } from "node:os";
import { Cache } from "../src/cache/cache.ts";
import { systemClock } from "../src/core/clock.ts";
import { silentLogger } from "../src/core/logger.ts";
import { Timings } from "../src/core/timings.ts";
import { createCertificate } from "../src/crypto/certificate-builder.ts";
import { CryptoError } from "../src/crypto/errors.ts";
import { generatePrivateKey, publicKeyOf, signMessage, verifyMessage } from "../src/crypto/keys.ts";
import { createSigner, keySigner } from "../src/crypto/signer.ts";
import { createVerifier } from "../src/crypto/verifier.ts";
import { loadMapping } from "../src/fml/loader.ts";
import { createEsia } from "../src/systems/esia/client.ts";
import { Upstream } from "../src/upstream/call.ts";
import { Child } from "./child.ts";

const rounds = 5;
const signInsPerRound = 40;
const redirectUri = "http://127.0.0.1:8080/auth/callback";
const algorithms = ["RS256", "GOST3410_2012_256"] as const;
const key = generatePrivateKey("CryptoPro-A");

interface Round {
  /** of our process with its verifier's thread, from the authorisation URL to the person */
  cpuMs: number;
  /** one sign-in after another */
  wallMs: number;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function measure(work: () => Promise<unknown> | unknown, times: number): Promise<Round> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let n = 0; n < times; n++) await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1_000 / times, wallMs: (performance.now() - start) / times };
}

async function openClients(sandbox: Child, certificateDer: Uint8Array) {
  const { url, certificates } = await sandbox.ask<{ url: string; certificates: string[] }>({});
  const clock = systemClock;
  const cache = new Cache({ clock, maxBytes: 1_000_000 });
  const upstream = new Upstream({ clock, cache, systems: { esia: { sandbox: true } } });
  const none = () => Promise.reject(new CryptoError("revocation-refused", "none"));
  const verifier = createVerifier({ anchors: { roots: [] }, revocation: { fetch: none } });
  const toFhir = await loadMapping(new URL("../mappings/esia/person/to-fhir.fml", import.meta.url));
  const signInBy = (algorithm: (typeof algorithms)[number]) => {
    const esia = createEsia({
      upstream,
      timeoutMs: 10_000,
      toFhir,
      registration: {
        baseUrl: url,
        clientId: algorithm,
        scope: "openid fullname birthdate gender snils inn email mobile usr_org",
        signer: createSigner(key, certificateDer),
        clock,
        refreshOrder: "without-token",
      },
      trust: {
        certificates: certificates.map((der) => Buffer.from(der, "base64")),
        algorithm,
        issuer: `${url}/`,
        verifier,
      },
    });
    return async () => {
      const asked = { state: randomUUID(), redirectUri, extra: { persona: "doctor" } };
      const answer = await fetch(await esia.authorizationUrl(asked), { redirect: "manual" });
      const code = new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
      const { confirmed } = await esia.signIn({ code, redirectUri }, context());
      if (!confirmed) throw new Error("the sandbox did not sign the doctor in");
    };
  };
  const close = () => Promise.all([upstream.close(), verifier.close()]);
  return { signInBy, close };
}

const context = () => ({
  requestId: "bench",
  actor: { kind: "system" as const, id: "bench", tenant: "bench", scopes: [] },
  deadline: Date.now() + 30_000,
  log: silentLogger,
  timings: new Timings(),
});

async function signatureFigures() {
  const message = Buffer.alloc(600, 1);
  const signature = signMessage(key, "gost-256", message);
  const publicKey = publicKeyOf(key);
  const sign = () => void signMessage(key, "gost-256", message);
  const verify = () => void verifyMessage(publicKey, "gost-256", message, signature);
  const perSecond = async (work: () => void) => {
    const runs: number[] = [];
    for (let round = 0; round < rounds; round++) runs.push(1_000 / (await measure(work, 200)).cpuMs);
    return Math.round(median(runs));
  };
  return { gostSignPerCpuSecond: await perSecond(sign), gostVerifyPerCpuSecond: await perSecond(verify) };
}

/** CPU of one sign-in by tokens in RSA and in GOST, the sandbox in a process of its own; medians of rounds A B A B. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const { der } = await createCertificate(
    {
      subject: { commonName: "BENCH" },
      publicKey: publicKeyOf(key),
      notBefore: new Date(Date.now() - 86_400_000),
      notAfter: new Date(Date.now() + 86_400_000),
    },
    { signer: keySigner(key) },
  );
  const env = { CERTIFICATE: Buffer.from(der).toString("base64"), REDIRECT: "http://127.0.0.1:8080" };
  const sandbox = await Child.start("./subjects/esia-sandbox.ts", env);
  const clients = await openClients(sandbox, der);
  const figures: Record<string, Round[]> = {};
  const works = algorithms.map((algorithm) => [algorithm, clients.signInBy(algorithm)] as const);
  for (const [, signIn] of works) await measure(signIn, signInsPerRound);
  for (let round = 0; round < rounds; round++)
    for (const [algorithm, signIn] of works) {
      figures[algorithm] ??= [];
      figures[algorithm].push(await measure(signIn, signInsPerRound));
    }
  await clients.close();
  await sandbox.stop();
  const signIns = Object.fromEntries(
    Object.entries(figures).map(([algorithm, all]) => [
      algorithm,
      { cpuMs: median(all.map(({ cpuMs }) => cpuMs)), wallMs: median(all.map(({ wallMs }) => wallMs)) },
    ]),
  );
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`;
  const result = { machine, rounds, signInsPerRound, signIns, ...(await signatureFigures()) };
  console.log(json ? JSON.stringify(result) : result);
}
