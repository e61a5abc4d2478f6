import { beforeAll, describe, expect, it } from "vitest";
import { createCrl } from "../../test/support/crl-builder.ts";
import { createCertificate, derExtension, signedStructure } from "./certificate-builder.ts";
import { readCrl } from "./crl.ts";
import { childrenOf, readDer } from "./der-read.ts";
import { derBoolean, derContext, derElement, derInteger, derSequence } from "./der-write.ts";
import { generatePrivateKey, publicKeyOf } from "./keys.ts";
import { keySigner } from "./signer.ts";
import type { Certificate } from "./x509.ts";

const key = generatePrivateKey("p-256");
const signer = keySigner(key);
const thisUpdate = new Date("2026-11-21T08:00:00Z");
const nextUpdate = new Date("2026-11-22T08:00:00Z");
const dates = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2027-01-01T00:00:00Z") };
let issuer: Certificate;
let certificate: Certificate;

beforeAll(async () => {
  const ca = { subject: { commonName: "УЦ" }, publicKey: publicKeyOf(key), ...dates, authority: {} };
  issuer = await createCertificate({ ...ca, keyUsages: ["keyCertSign", "cRLSign"] }, { signer });
  certificate = await createCertificate(
    { ...ca, subject: { commonName: "Врач" } },
    { signer, certificate: issuer },
  );
});

const list = (revoked: { serialNumber: string; revokedAt: Date }[] = []) =>
  createCrl({ issuer, thisUpdate, nextUpdate, number: 7, revoked }, signer);

// the same list with other extensions, signed anew
async function withExtensions(...extensions: Uint8Array[]): Promise<Uint8Array> {
  const [tbs] = childrenOf(readDer(await list()));
  const fields = childrenOf(tbs!).filter(({ tag }) => tag !== 0xa0);
  return signedStructure(
    derSequence(...fields.map(({ bytes }) => bytes), derContext(0, derSequence(...extensions))),
    signer,
  );
}

describe("revocation list", () => {
  it("finds a certificate among a hundred thousand others and misses one that is not there", async () => {
    const others = Array.from({ length: 100_000 }, (_, index) => ({
      serialNumber: (0x400000000000 + index).toString(16),
      revokedAt: thisUpdate,
    }));
    expect(await readCrl(await list(others), certificate, issuer)).toEqual({
      status: "good",
      producedAt: thisUpdate,
      thisUpdate,
      nextUpdate,
    });
    const revokedAt = new Date("2026-05-01T12:00:00Z");
    const entry = { serialNumber: certificate.serialNumber, revokedAt };
    expect(await readCrl(await list([...others, entry]), certificate, issuer)).toMatchObject({
      status: "revoked",
      revokedAt,
    });
  });

  it("refuses a changed list, another issuer's, and an issuer that may not sign lists", async () => {
    const bytes = await list();
    const unavailable = { code: "revocation-unavailable" };
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(readCrl(changed, certificate, issuer)).rejects.toMatchObject(unavailable);
    }
    await expect(readCrl(bytes, certificate, certificate)).rejects.toMatchObject(unavailable);
    const weak = await createCertificate(
      { subject: { commonName: "УЦ" }, publicKey: publicKeyOf(key), ...dates, keyUsages: ["keyCertSign"] },
      { signer },
    );
    await expect(readCrl(bytes, certificate, weak)).rejects.toThrow(/not for revocation lists/);
  });

  it("refuses lists that do not cover every certificate", async () => {
    const point = (...parts: Uint8Array[]) => derExtension("2.5.29.28", derSequence(...parts), true);
    const onlyAuthorities = derElement(0x82, derBoolean(true).subarray(2));
    const named = derContext(0, derContext(0, derElement(0x86, Buffer.from("http://ca.test/ca.crl"))));
    expect(await readCrl(await withExtensions(point(named)), certificate, issuer)).toMatchObject({
      status: "good",
    });
    for (const extension of [
      point(named, onlyAuthorities),
      derExtension("2.5.29.27", derInteger(6), true),
      derExtension("1.2.3.4", derInteger(1), true),
    ]) {
      const bytes = await withExtensions(extension);
      await expect(readCrl(bytes, certificate, issuer)).rejects.toThrow(/does not cover/);
    }
  });
});
