import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createCertificate } from "./certificate-builder.ts";
import { childrenOf, readDer } from "./der-read.ts";
import { derInteger, derOctets, derSequence } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { bytesFromInteger } from "./gost-signature.ts";
import { generatePrivateKey, type KeyKind, parsePrivateKey, privateKeyToPkcs8, publicKeyOf } from "./keys.ts";
import { allDerFromPem, pemFromDer } from "./pem.ts";
import { createSigner, keySigner } from "./signer.ts";
import {
  certificatePublicKey,
  isAuthority,
  isSignedBy,
  keyUsagesOf,
  parseCertificate,
  revocationUrlsOf,
} from "./x509.ts";

// RFC 9215, appendix A.2: GOST R 34.10-2012, 256 bits, TC26 parameter set A
const RFC_9215_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBJTCB06ADAgECAgEKMAoGCCqFAwcBAQMCMBIxEDAOBgNVBAMTB0V4YW1wbGUw
IBcNMDEwMTAxMDAwMDAwWhgPMjA1MDEyMzEwMDAwMDBaMBIxEDAOBgNVBAMTB0V4
YW1wbGUwXjAXBggqhQMHAQEBATALBgkqhQMHAQIBAQEDQwAEQHQnldS+6ITd8oUP
7APqP68YROAdnaYLZFCTpV4m38OZePWWz01NDGzx0YlD2UST0WuewKFtUS0uEnzE
aRpjGOKjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoUDBwEBAwIDQQAUC02pEksJ
yw1c6Sjuh0JzoxASlJLsDik2njt5EkhXjB0OHaW+NHxvG1JWx66sIArWSsd6b1s6
DglzGOeubudp
-----END CERTIFICATE-----`;

const subject = {
  country: "RU",
  commonName: "Синтетический Иван Петрович",
  surname: "Синтетический",
  givenName: "Иван Петрович",
  title: "Врач",
  organization: "ГБУЗ «Учебная поликлиника»",
  snils: "11223344595",
  inn: "500100732259",
  innLegalEntity: "7707083893",
  ogrn: "1027700132195",
};

async function issue(kind: KeyKind) {
  const caKey = generatePrivateKey(kind);
  const dates = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2051-01-01T00:00:00Z") };
  const ca = await createCertificate(
    {
      subject: { commonName: "Учебный УЦ" },
      publicKey: publicKeyOf(caKey),
      ...dates,
      authority: { maxPathLength: 0 },
      keyUsages: ["keyCertSign", "cRLSign"],
    },
    { signer: keySigner(caKey) },
  );
  const key = generatePrivateKey(kind);
  const certificate = await createCertificate(
    {
      subject,
      publicKey: publicKeyOf(key),
      ...dates,
      keyUsages: ["digitalSignature", "nonRepudiation"],
      ocspUrl: "http://ca.example.test/ocsp",
      crlUrl: "http://ca.example.test/ca.crl",
    },
    { signer: keySigner(caKey), certificate: ca },
  );
  return { ca, certificate, key };
}

describe("X.509", () => {
  it("reads the certificate of RFC 9215 and checks its signature by its own key", () => {
    const certificate = parseCertificate(RFC_9215_CERTIFICATE);
    expect(certificate.subject.fields).toEqual({ commonName: "Example" });
    expect(certificate.serialNumber).toBe("0a");
    expect(certificate.notAfter).toEqual(new Date("2050-12-31T00:00:00Z"));
    expect(isAuthority(certificate)).toBe(true);
    expect(isSignedBy(certificate, certificate)).toBe(true);
    const changed = Uint8Array.from(certificate.der);
    changed[60] = (changed[60] ?? 0) ^ 1;
    expect(isSignedBy(parseCertificate(changed), certificate)).toBe(false);
  });

  it.each(["CryptoPro-A", "TC26-256-A", "TC26-512-A", "rsa-2048", "p-256"] as const)(
    "issues and reads a %s certificate with the Russian subject fields",
    async (kind) => {
      const { ca, certificate } = await issue(kind);
      const read = parseCertificate(pemFromDer(certificate.der, "CERTIFICATE"));
      expect(read.subject.fields).toEqual(subject);
      expect(read.issuer.fields.commonName).toBe("Учебный УЦ");
      expect(isSignedBy(read, ca)).toBe(true);
      expect(isSignedBy(read, read)).toBe(false);
      expect([...(keyUsagesOf(read) ?? [])]).toEqual(["digitalSignature", "nonRepudiation"]);
      expect(isAuthority(read)).toBe(false);
      expect(isAuthority(ca)).toBe(true);
      expect(revocationUrlsOf(read)).toEqual({
        ocsp: ["http://ca.example.test/ocsp"],
        crl: ["http://ca.example.test/ca.crl"],
      });
      // an independent reader agrees
      const node = new X509Certificate(certificate.der);
      expect(node.serialNumber.toLowerCase()).toBe(read.serialNumber);
      expect(new Date(node.validTo)).toEqual(read.notAfter);
      if (kind === "rsa-2048" || kind === "p-256") {
        expect(node.verify(new X509Certificate(ca.der).publicKey)).toBe(true);
      }
    },
  );

  it("reads a file of several certificates in order", async () => {
    const { ca, certificate } = await issue("p-256");
    const file = [ca, certificate].map(({ der }) => pemFromDer(der, "CERTIFICATE")).join("comment\n");
    expect(allDerFromPem(file, "CERTIFICATE").map((der) => parseCertificate(der).serialNumber)).toEqual([
      ca.serialNumber,
      certificate.serialNumber,
    ]);
    expect(allDerFromPem(file, "PRIVATE KEY")).toEqual([]);
  });

  it("answers a certificate with a byte changed by a typed error or by a failed check", async () => {
    const { ca, certificate } = await issue("CryptoPro-A");
    for (let at = 0; at < certificate.der.length; at += 7) {
      const changed = Uint8Array.from(certificate.der);
      changed[at] = (changed[at] ?? 0) ^ 0x11;
      try {
        expect(isSignedBy(parseCertificate(changed), ca)).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(CryptoError);
      }
    }
  });

  it("E-21 RSA of 1024 bits is refused, RSA-2048 and P-256 are accepted", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const pkcs8 = weak.privateKey.export({ format: "der", type: "pkcs8" });
    expect(() => parsePrivateKey(pkcs8)).toThrow(/2048/);
    const { ca } = await issue("rsa-2048");
    expect(certificatePublicKey(ca).family).toBe("rsa");
    expect(certificatePublicKey((await issue("p-256")).ca).family).toBe("ec");
    const certificate = await createCertificate(
      {
        subject,
        publicKey: { family: "rsa", key: weak.publicKey },
        notBefore: ca.notBefore,
        notAfter: ca.notAfter,
      },
      { signer: keySigner(generatePrivateKey("p-256")) },
    );
    expect(() => certificatePublicKey(certificate)).toThrow(CryptoError);
  });
});

describe("private keys", () => {
  it.each(["CryptoPro-A", "TC26-512-A", "rsa-2048", "p-256"] as const)("%s survives PKCS#8", async (kind) => {
    const key = generatePrivateKey(kind);
    const again = parsePrivateKey(pemFromDer(privateKeyToPkcs8(key), "PRIVATE KEY"));
    expect(privateKeyToPkcs8(again)).toEqual(privateKeyToPkcs8(key));
  });

  it("accepts the three spellings of a GOST key", () => {
    const key = generatePrivateKey("CryptoPro-A");
    if (key.family !== "gost") throw new Error("not a GOST key");
    const raw = privateKeyToPkcs8(key);
    const [version, algorithm] = childrenOf(readDer(raw));
    const little = bytesFromInteger(key.key.scalar, 32).reverse();
    for (const secret of [derOctets(little), derInteger(key.key.scalar)]) {
      const spelled = derSequence(version?.bytes, algorithm?.bytes, derOctets(secret));
      expect(privateKeyToPkcs8(parsePrivateKey(spelled))).toEqual(raw);
    }
    const short = derSequence(version?.bytes, algorithm?.bytes, derOctets(derOctets(little.slice(1))));
    expect(() => parsePrivateKey(short)).toThrow(/length/);
  });

  it("signs only with an algorithm that fits", async () => {
    const key = generatePrivateKey("CryptoPro-A");
    await expect(keySigner(key, "gost-512").sign(new Uint8Array(1))).rejects.toThrow(CryptoError);
    await expect(keySigner(key, "rsa-sha256").sign(new Uint8Array(1))).rejects.toThrow(CryptoError);
    expect((await createSigner(key, new Uint8Array()).sign(Buffer.from("text"))).length).toBe(64);
  });
});
