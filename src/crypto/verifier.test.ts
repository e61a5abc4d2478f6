import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCrl } from "../../test/support/crl-builder.ts";
import { createCertificate } from "./certificate-builder.ts";
import { signDetached } from "./cms-sign.ts";
import { generatePrivateKey, publicKeyOf, publicKeyToSpki, signMessage } from "./keys.ts";
import { createSigner, keySigner } from "./signer.ts";
import { createVerifier, type Verifier } from "./verifier.ts";
import type { Certificate } from "./x509.ts";

const at = new Date("2026-11-21T09:00:00Z");
const dates = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2027-01-01T00:00:00Z") };
const content = Buffer.from("<ClinicalDocument/>");

describe("verifier", () => {
  const rootKey = generatePrivateKey("CryptoPro-A");
  const key = generatePrivateKey("CryptoPro-A");
  let root: Certificate;
  let cms: Uint8Array;
  let verifier: Verifier;
  const asked: string[] = [];
  let answer: (url: string) => Promise<Uint8Array>;

  beforeAll(async () => {
    root = await createCertificate(
      { subject: { commonName: "УЦ" }, publicKey: publicKeyOf(rootKey), ...dates, authority: {} },
      { signer: keySigner(rootKey) },
    );
    const doctor = await createCertificate(
      {
        subject: { commonName: "Врач" },
        publicKey: publicKeyOf(key),
        ...dates,
        crlUrl: "http://ca.test/ca.crl",
      },
      { signer: keySigner(rootKey), certificate: root },
    );
    cms = await signDetached(createSigner(key, doctor.der), content, { signingTime: at });
    const crl = await createCrl(
      { issuer: root, thisUpdate: at, nextUpdate: dates.notAfter, number: 1, revoked: [] },
      keySigner(rootKey),
    );
    answer = async () => crl;
    verifier = createVerifier({
      anchors: { roots: [root.der] },
      revocation: {
        fetch: async (url) => {
          asked.push(url);
          return { bytes: await answer(url), ageSeconds: 7, isKept: true };
        },
      },
    });
  });
  afterAll(() => verifier.close());

  it("checks a container in its thread and asks the port of the main thread for revocation", async () => {
    const report = await verifier.verify({ container: cms, content, at });
    expect(report).toMatchObject({ valid: true, problems: [], algorithm: "gost-256", signingTime: at });
    expect(report.revocation[0]).toMatchObject({ source: "crl", status: "good", ageSeconds: 7 });
    expect(asked).toEqual(["http://ca.test/ca.crl"]);
    const other = await verifier.verify({ container: cms, content: Buffer.from("other"), at });
    expect(other.problems.map(({ code }) => code)).toEqual(["content-differs"]);
  });

  it("leaves the event loop free while it works", async () => {
    let turns = 0;
    const work = Promise.all(
      Array.from({ length: 30 }, () => verifier.verify({ container: cms, content, at })),
    );
    let isDone = false;
    void work.then(() => {
      isDone = true;
    });
    while (!isDone) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await work).every(({ valid }) => valid)).toBe(true);
    expect(turns).toBeGreaterThan(100);
  });

  it("reports revocation-unknown when the port rejects", async () => {
    const before = answer;
    answer = () => Promise.reject(new Error("connection refused"));
    const report = await verifier.verify({ container: cms, content, at });
    answer = before;
    expect(report.problems.map(({ code }) => code)).toEqual(["revocation-unknown"]);
  });

  it("checks a certificate alone", async () => {
    const [signer] = (await verifier.verify({ container: cms, content, at })).path;
    expect(await verifier.verifyCertificate({ certificateDer: signer!, at })).toMatchObject({ valid: true });
    const late = { certificateDer: signer!, at: new Date("2027-06-01T00:00:00Z"), checkRevocation: false };
    const report = await verifier.verifyCertificate(late);
    expect(report.problems.map(({ code }) => code)).toEqual(["expired-when-signed"]);
    const unreadable = verifier.verifyCertificate({ certificateDer: Buffer.from("x"), at });
    await expect(unreadable).rejects.toMatchObject({ code: "bad-encoding" });
  });

  it("checks a single signature and rejects a key that is not accepted", async () => {
    const message = Buffer.from("header.payload");
    const question = {
      spki: publicKeyToSpki(publicKeyOf(key)),
      algorithm: "gost-256" as const,
      message,
      signature: signMessage(key, "gost-256", message),
    };
    expect(await verifier.verifyMessage(question)).toBe(true);
    expect(await verifier.verifyMessage({ ...question, message: Buffer.from("header.other") })).toBe(false);
    await expect(verifier.verifyMessage({ ...question, spki: Buffer.from("x") })).rejects.toMatchObject({
      code: "bad-encoding",
    });
  });

  it("rejects what is under way when it is closed, and starts again on demand", async () => {
    const own = createVerifier({
      anchors: { roots: [root.der] },
      revocation: { fetch: () => new Promise(() => {}) },
      threads: 2,
    });
    const stuck = own.verify({ container: cms, content, at });
    const rejected = expect(stuck).rejects.toMatchObject({ code: "worker-failed" });
    await own.close();
    await rejected;
    const again = await own.verify({ container: cms, content, at, checkRevocation: false });
    expect(again.valid).toBe(true);
    await own.close();
  });
});
