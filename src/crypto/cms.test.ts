import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createCertificate } from "./certificate-builder.ts";
import { parseCms } from "./cms-read.ts";
import { CMS_OIDS, signDetached, signDetachedDigest } from "./cms-sign.ts";
import { checkCms } from "./cms-verify.ts";
import { childrenOf, readDer } from "./der-read.ts";
import { derContext, derElement, derInteger, derOctets, derOid, derSequence, derSet } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { generatePrivateKey, type KeyKind, publicKeyOf } from "./keys.ts";
import { createSigner, keySigner, type Signer } from "./signer.ts";
import type { KeyUsage } from "./x509.ts";

const content = Buffer.from("<ClinicalDocument>Осмотр</ClinicalDocument>");
const signingTime = new Date("2026-11-21T09:00:00Z");

async function signerOf(kind: KeyKind, keyUsages: KeyUsage[] = ["digitalSignature"]): Promise<Signer> {
  const key = generatePrivateKey(kind);
  const certificate = await createCertificate(
    {
      subject: { commonName: "Синтетический Иван", snils: "11223344595" },
      publicKey: publicKeyOf(key),
      notBefore: new Date("2026-01-01T00:00:00Z"),
      notAfter: new Date("2027-01-01T00:00:00Z"),
      keyUsages,
    },
    { signer: keySigner(key) },
  );
  return createSigner(key, certificate.der);
}

const codes = (cms: Uint8Array, body: Uint8Array = content, options = {}) =>
  checkCms(cms, body, options).problems.map(({ code }) => code);

// the parts of SignedData, to build containers that no honest tool makes
function partsOf(cms: Uint8Array) {
  const [, wrapped] = childrenOf(readDer(cms));
  const fields = childrenOf(readDer(wrapped!.content));
  return { head: fields.slice(0, 3), certificates: fields[3]!, signers: childrenOf(fields[4]!) };
}

function container(...parts: Uint8Array[]): Uint8Array {
  return derSequence(derOid(CMS_OIDS.signedData), derContext(0, derSequence(...parts)));
}

describe.each(["CryptoPro-A", "TC26-256-A", "TC26-512-A", "rsa-2048", "p-256"] as const)(
  "CMS with %s",
  (kind) => {
    it("signs a detached CAdES-BES container and accepts it with the facts it carries", async () => {
      const signer = await signerOf(kind);
      const cms = await signDetached(signer, content, { signingTime });
      const check = checkCms(cms, content, { requireCades: true });
      expect(check.problems).toEqual([]);
      expect(check.signer?.signingTime).toEqual(signingTime);
      expect(check.signer?.algorithm).toBe(signer.algorithm);
      expect(check.certificate?.subject.fields.snils).toBe("11223344595");
      expect(parseCms(cms).content).toBeUndefined();
    });

    it("accepts both the key's and the signature's identifier in signatureAlgorithm", async () => {
      const signer = await signerOf(kind);
      const cms = await signDetached(signer, content, { signingTime });
      const { head, certificates, signers } = partsOf(cms);
      const fields = childrenOf(signers[0]!).map(({ bytes }) => bytes);
      const oid = {
        "gost-256": "1.2.643.7.1.1.3.2",
        "gost-512": "1.2.643.7.1.1.3.3",
        "rsa-sha256": "1.2.840.113549.1.1.11",
        "ecdsa-sha256": "1.2.840.10045.4.3.2",
      }[signer.algorithm as string];
      fields[4] = derSequence(derOid(oid ?? ""));
      const other = container(
        ...head.map(({ bytes }) => bytes),
        certificates.bytes,
        derSet(derSequence(...fields)),
      );
      expect(codes(other)).toEqual([]);
    });

    it("E-12 any flipped byte of the container or of the content is refused and never throws", async () => {
      const cms = await signDetached(await signerOf(kind), content, { signingTime });
      fc.assert(
        fc.property(fc.nat(cms.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = Uint8Array.from(cms);
          changed[at] = (changed[at] ?? 0) ^ flip;
          const check = checkCms(changed, content, { requireCades: true });
          // outer fields that no signature covers (version numbers, the list of digests) may change
          if (check.problems.length > 0) return true;
          return Buffer.compare(check.certificate!.der, checkCms(cms, content).certificate!.der) === 0;
        }),
        { numRuns: 60 },
      );
      // the signature's value ends the container; no kind of it is shorter
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 255 }), (back, flip) => {
          const changed = Uint8Array.from(cms);
          changed[cms.length - back] = (changed[cms.length - back] ?? 0) ^ flip;
          return checkCms(changed, content, { requireCades: true }).problems.length > 0;
        }),
        { numRuns: 30 },
      );
      const flipped = Uint8Array.from(content);
      flipped[3] = (flipped[3] ?? 0) ^ 1;
      expect(codes(cms, flipped)).toContain("content-differs");
    });
  },
);

describe("CMS containers", () => {
  let signer: Signer;
  let cms: Uint8Array;
  beforeAll(async () => {
    signer = await signerOf("CryptoPro-A");
    cms = await signDetached(signer, content, { signingTime });
  });

  it("names each cause by its own code", async () => {
    expect(codes(Buffer.from("not a container"))).toEqual(["format"]);
    expect(codes(cms, Buffer.from("other"))).toEqual(["content-differs"]);
    const { head, certificates, signers } = partsOf(cms);
    const outer = head.map(({ bytes }) => bytes);
    expect(codes(container(...outer, certificates.bytes, derSet()))).toEqual(["format"]);
    const twice = derSet(signers[0]!.bytes, signers[0]!.bytes);
    expect(codes(container(...outer, certificates.bytes, twice))).toEqual(["several-certificates"]);
    const bare = container(...outer, derSet(signers[0]!.bytes));
    expect(codes(bare)).toEqual(["certificate"]);
    expect(codes(bare, content, { candidates: [signer.certificateDer] })).toEqual([]);
  });

  it("tells a wrong value and a zero value from a wrong content", () => {
    const { head, certificates, signers } = partsOf(cms);
    const fields = childrenOf(signers[0]!).map(({ bytes }) => bytes);
    for (const value of [new Uint8Array(64), new Uint8Array(63).fill(1), new Uint8Array()]) {
      fields[5] = derOctets(value);
      const changed = container(
        ...head.map(({ bytes }) => bytes),
        certificates.bytes,
        derSet(derSequence(...fields)),
      );
      expect(codes(changed)).toEqual(["value"]);
    }
  });

  it("refuses a container whose certificate was exchanged for another of the same name and serial number", async () => {
    const mine = generatePrivateKey("CryptoPro-A");
    const template = {
      subject: { commonName: "Двойник" },
      publicKey: publicKeyOf(mine),
      serialNumber: 77n,
      notBefore: new Date("2026-01-01T00:00:00Z"),
      notAfter: new Date("2027-01-01T00:00:00Z"),
    };
    const first = await createCertificate(template, { signer: keySigner(mine) });
    const second = await createCertificate(
      { ...template, keyUsages: ["nonRepudiation"] },
      { signer: keySigner(mine) },
    );
    const signed = await signDetached(createSigner(mine, first.der), content, { signingTime });
    const { head, signers } = partsOf(signed);
    const exchanged = container(
      ...head.map(({ bytes }) => bytes),
      derContext(0, second.der),
      derSet(signers[0]!.bytes),
    );
    expect(codes(exchanged)).toEqual(["certificate"]);
  });

  it("refuses a key that is not for signing, and a container without signingCertificateV2 where CAdES is required", async () => {
    const encipher = await signerOf("CryptoPro-A", ["keyEncipherment"]);
    expect(codes(await signDetached(encipher, content, { signingTime }))).toEqual(["certificate"]);
    const { head, certificates, signers } = partsOf(cms);
    const fields = childrenOf(signers[0]!).map(({ bytes }) => bytes);
    fields.splice(3, 1);
    fields[4] = derOctets(await signer.sign(content));
    const plain = container(
      ...head.map(({ bytes }) => bytes),
      certificates.bytes,
      derSet(derSequence(...fields)),
    );
    expect(codes(plain)).toEqual([]);
    expect(codes(plain, content, { requireCades: true })).toEqual(["format"]);
    expect(codes(plain, Buffer.from("other"))).toEqual(["value"]);
  });

  it("reads the indefinite form that some tools write, and content that travels inside", () => {
    const { head, certificates, signers } = partsOf(cms);
    const inside = derSequence(derOid(CMS_OIDS.data), derContext(0, derOctets(content)));
    const open = (tag: number, ...parts: Uint8Array[]) =>
      Buffer.concat([Uint8Array.of(tag, 0x80), ...parts, Uint8Array.of(0, 0)]);
    const attached = open(
      0x30,
      derOid(CMS_OIDS.signedData),
      open(
        0xa0,
        open(
          0x30,
          head[0]!.bytes,
          head[1]!.bytes,
          inside,
          open(0xa0, certificates.content),
          open(0x31, signers[0]!.bytes),
        ),
      ),
    );
    expect(codes(attached)).toEqual([]);
    expect(parseCms(attached).content).toEqual(content);
    expect(codes(attached, Buffer.from("other"))).toEqual(["content-differs"]);
  });

  it("signs a digest that was made elsewhere", async () => {
    const rsa = await signerOf("rsa-2048");
    const digest = createHash("sha256").update(content).digest();
    expect(codes(await signDetachedDigest(rsa, digest, { signingTime }))).toEqual([]);
  });

  it("refuses SHA-1 and repeated attributes", () => {
    const { head, certificates, signers } = partsOf(cms);
    const fields = childrenOf(signers[0]!).map(({ bytes }) => bytes);
    const outer = head.map(({ bytes }) => bytes);
    const sha1 = [...fields];
    sha1[2] = derSequence(derOid("1.3.14.3.2.26"));
    expect(codes(container(...outer, certificates.bytes, derSet(derSequence(...sha1))))).toEqual(["format"]);
    const [attribute] = childrenOf(readDer(fields[3]!));
    fields[3] = derElement(0xa0, readDer(fields[3]!).content, attribute!.bytes);
    expect(codes(container(...outer, certificates.bytes, derSet(derSequence(...fields))))).toEqual([
      "format",
    ]);
    expect(() => parseCms(derSequence(derOid(CMS_OIDS.data), derContext(0, derInteger(1))))).toThrow(
      CryptoError,
    );
  });
});
