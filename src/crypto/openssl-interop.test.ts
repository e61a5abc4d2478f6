import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCrl } from "../../test/support/crl-builder.ts";
import { createOcspResponse, parseOcspRequest } from "../../test/support/ocsp-responder.ts";
import { OpenSsl } from "../../test/support/openssl.ts";
import { createCertificate } from "./certificate-builder.ts";
import { signDetached } from "./cms-sign.ts";
import { checkCms } from "./cms-verify.ts";
import { readCrl } from "./crl.ts";
import {
  generatePrivateKey,
  parsePrivateKey,
  privateKeyToPkcs8,
  publicKeyOf,
  signMessage,
  verifyMessage,
} from "./keys.ts";
import { createOcspRequest, readOcspResponse } from "./ocsp.ts";
import { derFromPem, pemFromDer } from "./pem.ts";
import { createSigner, keySigner } from "./signer.ts";
import { streebog256, streebog512 } from "./streebog.ts";
import { certificatePublicKey, isSignedBy, parseCertificate } from "./x509.ts";

let tool: OpenSsl;
const path = (name: string) => tool.path(name);
const openssl = (...args: string[]) => tool.run(...args).toString();

beforeAll(() => {
  tool = new OpenSsl("[theirs]\ndatabase = index\n");
});
afterAll(() => tool?.remove());

const PARAMETER_SETS = [
  ["CryptoPro-A", "gost2012_256", "A"],
  ["CryptoPro-B", "gost2012_256", "B"],
  ["CryptoPro-C", "gost2012_256", "C"],
  ["TC26-256-A", "gost2012_256", "TCA"],
  ["TC26-512-A", "gost2012_512", "A"],
] as const;

describe("against OpenSSL with the gost engine", () => {
  it("hashes alike over many lengths", () => {
    for (const length of [0, 1, 63, 64, 65, 127, 128, 1000, 300_000]) {
      const message = randomBytes(length);
      writeFileSync(path("message"), message);
      expect(openssl("dgst", "-md_gost12_256", "-r", "message")).toContain(
        Buffer.from(streebog256(message)).toString("hex"),
      );
      expect(openssl("dgst", "-md_gost12_512", "-r", "message")).toContain(
        Buffer.from(streebog512(message)).toString("hex"),
      );
    }
  });

  it.each(PARAMETER_SETS)(
    "%s: OpenSSL accepts our key, signature, chain, CRL and CMS",
    async (kind, algorithm) => {
      const caKey = generatePrivateKey(kind);
      const notBefore = new Date(Date.now() - 3_600_000);
      const notAfter = new Date(Date.now() + 86_400_000);
      const ca = await createCertificate(
        {
          subject: { commonName: "Учебный УЦ" },
          publicKey: publicKeyOf(caKey),
          notBefore,
          notAfter,
          authority: {},
          keyUsages: ["keyCertSign", "cRLSign"],
        },
        { signer: keySigner(caKey) },
      );
      const key = generatePrivateKey(kind);
      const leaf = await createCertificate(
        {
          subject: { commonName: "Синтетический Иван", snils: "11223344595", inn: "500100732259" },
          publicKey: publicKeyOf(key),
          notBefore,
          notAfter,
          keyUsages: ["digitalSignature", "nonRepudiation"],
        },
        { signer: keySigner(caKey), certificate: ca },
      );
      const crl = await createCrl(
        {
          issuer: ca,
          thisUpdate: notBefore,
          nextUpdate: notAfter,
          number: 1,
          revoked: [{ serialNumber: leaf.serialNumber, revokedAt: notBefore, reason: 1 }],
        },
        keySigner(caKey),
      );
      const content = Buffer.from("документ");
      writeFileSync(path("ca.pem"), pemFromDer(ca.der, "CERTIFICATE"));
      writeFileSync(path("leaf.pem"), pemFromDer(leaf.der, "CERTIFICATE"));
      writeFileSync(path("crl.pem"), pemFromDer(crl, "X509 CRL"));
      writeFileSync(path("key.pem"), pemFromDer(privateKeyToPkcs8(key), "PRIVATE KEY"));
      writeFileSync(path("content"), content);
      writeFileSync(
        path("sig"),
        signMessage(key, algorithm === "gost2012_256" ? "gost-256" : "gost-512", content),
      );
      writeFileSync(
        path("cms"),
        await signDetached(createSigner(key, leaf.der), content, { signingTime: new Date() }),
      );

      expect(openssl("pkey", "-in", "key.pem", "-check", "-noout")).toContain("valid");
      openssl("x509", "-in", "leaf.pem", "-pubkey", "-noout", "-out", "pub.pem");
      const hash = algorithm === "gost2012_256" ? "-md_gost12_256" : "-md_gost12_512";
      expect(openssl("dgst", hash, "-verify", "pub.pem", "-signature", "sig", "content")).toContain("OK");
      expect(openssl("verify", "-x509_strict", "-CAfile", "ca.pem", "leaf.pem")).toContain("OK");
      expect(() =>
        openssl("verify", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "ca.pem", "leaf.pem"),
      ).toThrow(/revoked/);
      const response = await createOcspResponse(
        {
          question: parseOcspRequest(createOcspRequest(leaf, ca)),
          statusOf: () => ({ revokedAt: notBefore, reason: 1 }),
          producedAt: new Date(),
          nextUpdate: notAfter,
        },
        createSigner(caKey, ca.der),
      );
      writeFileSync(path("response"), response);
      const ocsp = ["ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-CAfile", "ca.pem", "-no_nonce"];
      expect(openssl(...ocsp, "-respin", "response")).toMatch(/leaf\.pem: revoked[\s\S]*keyCompromise/);
      openssl(...ocsp, "-reqout", "request");
      expect(parseOcspRequest(readFileSync(path("request"))).ids[0]?.serialNumber).toBe(leaf.serialNumber);
      const verify = [
        "cms",
        "-verify",
        "-cades",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "cms",
        "-CAfile",
        "ca.pem",
      ];
      expect(openssl(...verify, "-content", "content")).toBe("документ");
      writeFileSync(path("content"), "другой документ");
      expect(() => openssl(...verify, "-content", "content")).toThrow(/content verify error/);
    },
  );

  it.each(PARAMETER_SETS)(
    "%s: we accept OpenSSL's key, certificate, signature and CMS",
    (_, algorithm, set) => {
      const hash = algorithm === "gost2012_256" ? "-md_gost12_256" : "-md_gost12_512";
      const name = algorithm === "gost2012_256" ? "gost-256" : "gost-512";
      openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", `paramset:${set}`, "-out", "their.key");
      openssl(
        "req",
        "-new",
        "-x509",
        hash,
        "-key",
        "their.key",
        "-subj",
        "/CN=Theirs",
        "-days",
        "1",
        "-out",
        "their.pem",
      );
      writeFileSync(path("content"), "содержание");
      openssl("dgst", hash, "-sign", "their.key", "-out", "their.sig", "content");
      const cmsArgs = [
        "cms",
        "-sign",
        "-binary",
        "-cades",
        "-signer",
        "their.pem",
        "-inkey",
        "their.key",
        "-md",
      ];
      openssl(...cmsArgs, hash.slice(1), "-in", "content", "-outform", "DER", "-out", "their.cms");

      const content = readFileSync(path("content"));
      const certificate = parseCertificate(readFileSync(path("their.pem"), "utf8"));
      const signature = readFileSync(path("their.sig"));
      expect(isSignedBy(certificate, certificate)).toBe(true);
      expect(verifyMessage(certificatePublicKey(certificate), name, content, signature)).toBe(true);
      const key = parsePrivateKey(readFileSync(path("their.key"), "utf8"));
      expect(verifyMessage(publicKeyOf(key), name, content, signMessage(key, name, content))).toBe(true);
      const check = checkCms(readFileSync(path("their.cms")), content, { requireCades: true });
      expect(check.problems).toEqual([]);
      expect(check.certificate?.der).toEqual(certificate.der);
      expect(checkCms(readFileSync(path("their.cms")), Buffer.from("x")).problems[0]?.code).toBe(
        "content-differs",
      );
    },
  );

  it.each(["good", "revoked"] as const)(
    "we read %s in OpenSSL's OCSP answer and revocation list",
    async (status) => {
      openssl("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:A", "-out", "ca.key");
      const subject = ["-subj", "/CN=Their CA", "-days", "1", "-out", "ca.pem"];
      openssl("req", "-new", "-x509", "-md_gost12_256", "-key", "ca.key", ...subject);
      const ca = parseCertificate(readFileSync(path("ca.pem"), "utf8"));
      const key = generatePrivateKey("CryptoPro-A");
      const certificate = await createCertificate(
        {
          subject: { commonName: "Doctor" },
          publicKey: publicKeyOf(key),
          notBefore: ca.notBefore,
          notAfter: ca.notAfter,
        },
        { signer: keySigner(parsePrivateKey(readFileSync(path("ca.key"), "utf8"))), certificate: ca },
      );
      const revoked =
        status === "revoked" ? "R\t300101000000Z\t260102030405Z,keyCompromise" : "V\t300101000000Z\t";
      writeFileSync(
        path("index"),
        `${revoked}\t${certificate.serialNumber.toUpperCase()}\tunknown\t/CN=Doctor\n`,
      );
      writeFileSync(path("request"), createOcspRequest(certificate, ca));
      const responder = [
        "-index",
        "index",
        "-CA",
        "ca.pem",
        "-rsigner",
        "ca.pem",
        "-rkey",
        "ca.key",
        "-ndays",
        "1",
      ];
      openssl("ocsp", ...responder, "-rmd", "md_gost12_256", "-reqin", "request", "-respout", "response");
      const list = [
        "ca",
        "-gencrl",
        "-name",
        "theirs",
        "-keyfile",
        "ca.key",
        "-cert",
        "ca.pem",
        "-crldays",
        "1",
      ];
      openssl(...list, "-md", "md_gost12_256", "-out", "crl.pem");

      const crl = derFromPem(readFileSync(path("crl.pem"), "utf8"), "X509 CRL");
      const revokedAt = status === "revoked" ? { revokedAt: new Date("2026-01-02T03:04:05Z") } : {};
      const answer = await readOcspResponse(readFileSync(path("response")), certificate, ca, new Date());
      expect(answer).toMatchObject({ status, ...revokedAt });
      expect(await readCrl(crl, certificate, ca)).toMatchObject({ status, ...revokedAt });
    },
  );
});
