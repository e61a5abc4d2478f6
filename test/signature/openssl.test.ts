import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Provenance } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import { parsePrivateKey } from "../../src/crypto/keys.ts";
import { derFromPem } from "../../src/crypto/pem.ts";
import { createSigner } from "../../src/crypto/signer.ts";
import { signXml } from "../../src/crypto/xmldsig.ts";
import { fileOrgSigner } from "../../src/flows/signature/org-signer.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { OpenSsl } from "../support/openssl.ts";
import { activateCertificate, doctor, documentOf, organization } from "../support/signing.ts";

/** An authority, a doctor and their signing tool that are OpenSSL and nothing of ours. */
const tool = new OpenSsl();
const { path, run: openssl } = tool;
const sections = (crlUrl: string) => `[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
keyUsage = critical,digitalSignature,nonRepudiation
certificatePolicies = 1.2.643.100.113.1
crlDistributionPoints = URI:${crlUrl}
subjectKeyIdentifier = hash
[ca]
default_ca = own
[own]
database = ${path("index")}
default_md = md_gost12_256
default_crl_days = 1
`;

let app: TestApp;
let lists: Server;

const kinds = {
  gost: ["gost2012_256", "paramset:A", "md_gost12_256"],
  rsa: ["rsa", "rsa_keygen_bits:2048", "sha256"],
};
type Kind = keyof typeof kinds;

/** A root, the doctor's certificate by it, and its list; the doctor's key may be of another kind than the root's. */
function issued(name: string, kind: Kind, ownerKey: readonly string[] = kinds[kind]): void {
  const [algorithm = "", option = "", digest = ""] = kinds[kind];
  const [ownerAlgorithm = "", ownerOption = ""] = ownerKey;
  openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", `${name}-root.key`);
  const subject = ["-subj", `/C=RU/CN=OpenSSL ${name}`, "-days", "2", `-${digest}`];
  openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    `${name}-root.key`,
    ...subject,
    "-extensions",
    "root",
    "-out",
    `${name}-root.pem`,
  );
  openssl("genpkey", "-algorithm", ownerAlgorithm, "-pkeyopt", ownerOption, "-out", `${name}.key`);
  openssl(
    "req",
    "-new",
    "-key",
    `${name}.key`,
    `-${digest}`,
    "-subj",
    "/C=RU/CN=Doctor/SNILS=90000000182",
    "-out",
    `${name}.csr`,
  );
  const by = ["-CA", `${name}-root.pem`, "-CAkey", `${name}-root.key`, "-set_serial", "4097", "-days", "1"];
  const extensions = ["-extfile", "openssl.cnf", "-extensions", "signer", `-${digest}`];
  openssl("x509", "-req", "-in", `${name}.csr`, ...by, ...extensions, "-out", `${name}.pem`);
  const list = ["-cert", `${name}-root.pem`, "-keyfile", `${name}-root.key`, "-md", digest];
  openssl("ca", "-gencrl", ...list, "-out", `${name}.crl.pem`);
  openssl("crl", "-in", `${name}.crl.pem`, "-outform", "DER", "-out", `${name}.crl`);
  writeFileSync(path(`roots/${name}.pem`), readFileSync(path(`${name}-root.pem`)));
}

beforeAll(async () => {
  mkdirSync(path("roots"));
  writeFileSync(path("index"), "");
  lists = createServer((request, response) => {
    response.end(readFileSync(path(request.url?.slice(1) ?? "")));
  }).listen(0, "127.0.0.1");
  await new Promise((done) => lists.once("listening", done));
  const host = `127.0.0.1:${(lists.address() as AddressInfo).port}`;
  for (const [name, kind, key] of [
    ["gost", "gost", kinds.gost],
    ["rsa", "rsa", kinds.rsa],
    ["weak", "rsa", ["rsa", "rsa_keygen_bits:1024"]],
    ["ecc", "rsa", ["EC", "ec_paramgen_curve:P-256"]],
  ] as const) {
    tool.configure(sections(`http://${host}/${name}.crl`));
    issued(name, kind, key);
  }
  app = await startApp({
    DATABASE_URL: await freshDatabase(),
    SIGNATURE_ROOTS_DIR: path("roots"),
    SIGNATURE_REVOCATION_HOSTS: host,
  });
});
afterAll(async () => {
  await app?.close();
  lists?.close();
  tool.remove();
});

/** What comes of a document that OpenSSL has signed. */
async function outcomeOf(name: string, digest: string): Promise<string> {
  const worker = doctor();
  const document = documentOf(randomUUID());
  const { id } = await app.parts.signatures.prepare(worker, document);
  writeFileSync(path("document"), document.content);
  const by = ["-signer", `${name}.pem`, "-inkey", `${name}.key`, "-md", digest];
  const certificate = readFileSync(path(`${name}.pem`), "utf8");
  await activateCertificate(app.parts, worker.personId, derFromPem(certificate, "CERTIFICATE"));
  const container = openssl("cms", "-sign", "-cades", "-binary", "-in", "document", ...by, "-outform", "DER");
  return app.parts.signatures.submit(worker, id, { container }).then(
    ({ signature }) => signature.state,
    (error) => error.code,
  );
}

/** The media type that the Provenance of a document names. */
async function formatOf(documentId = ""): Promise<string | undefined> {
  const { db } = app.parts.store;
  const rows = await db.selectFrom("resource").select("id").where("type", "=", "Provenance").execute();
  const ids = rows.map(({ id }) => id);
  const stored = await app.parts.resources.byIds(db, { tenant: organization, type: "Provenance", ids });
  return stored
    .map(({ content }) => content as Provenance)
    .find(({ target }) => target[0]?.reference?.includes(documentId))?.signature?.[0]?.sigFormat;
}

describe("OpenSSL and the pipeline", () => {
  it("a GOST signature by openssl cms is in force", async () => {
    expect(await outcomeOf("gost", "md_gost12_256")).toBe("signed");
  });

  it("E-21 RSA-2048 and ECC are accepted, RSA-1024 is refused", async () => {
    expect(await outcomeOf("rsa", "sha256")).toBe("signed");
    expect(await outcomeOf("ecc", "sha256")).toBe("signed");
    expect(await outcomeOf("weak", "sha256")).toBe("signature-certificate");
  });

  it.each(Object.keys(kinds) as Kind[])(
    "an XML document signed with XMLDSig by a %s key is in force, enveloped and detached; another one is not",
    async (kind) => {
      const pem = readFileSync(path(`${kind}.key`), "utf8");
      const der = derFromPem(readFileSync(path(`${kind}.pem`), "utf8"), "CERTIFICATE");
      const signer = createSigner(parsePrivateKey(pem), der);
      const encoded = Buffer.from(der).toString("base64");
      const keyInfo = `<ds:X509Data><ds:X509Certificate>${encoded}</ds:X509Certificate></ds:X509Data>`;
      const of = async (form: "enveloped" | "detached", change = (xml: string) => xml) => {
        const worker = doctor();
        const document = documentOf(randomUUID());
        const { id } = await app.parts.signatures.prepare(worker, document);
        await activateCertificate(app.parts, worker.personId, der);
        const xml = await signXml(change(document.content.toString()), signer, { keyInfo });
        const [alone = ""] = /<ds:Signature[\s\S]*<\/ds:Signature>/.exec(xml) ?? [];
        const container = Buffer.from(form === "enveloped" ? xml : alone);
        return app.parts.signatures.submit(worker, id, { container });
      };
      for (const form of ["enveloped", "detached"] as const) {
        const { signature } = await of(form);
        expect(signature.state).toBe("signed");
        expect(await formatOf(signature.document?.id)).toBe("application/signature+xml");
        const other = of(form, (xml) => xml.replace("<title>", "<title>!"));
        await expect(other).rejects.toMatchObject({ code: "signature-content-differs" });
      }
    },
  );

  it.each(Object.keys(kinds) as Kind[])(
    "openssl cms verifies the organisation's %s signature",
    async (kind) => {
      const file = path("organization.pem");
      writeFileSync(
        file,
        Buffer.concat([readFileSync(path(`${kind}.key`)), readFileSync(path(`${kind}.pem`))]),
      );
      const content = Buffer.from("<ClinicalDocument/>");
      const order = { organization, content, idempotencyKey: "k" };
      const cms = await fileOrgSigner(file, systemClock).sign(order, {} as RequestContext);
      writeFileSync(path("organization.sig"), cms);
      writeFileSync(path("content"), content);
      const given = ["-in", "organization.sig", "-inform", "DER", "-content", "content", "-binary"];
      const trust = ["-CAfile", `${kind}-root.pem`, "-purpose", "any"];
      expect(openssl("cms", "-verify", ...given, ...trust).equals(content)).toBe(true);
      writeFileSync(path("content"), "other");
      expect(() => openssl("cms", "-verify", ...given, ...trust)).toThrow();
    },
  );
});
