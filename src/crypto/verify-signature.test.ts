import { beforeAll, describe, expect, it } from "vitest";
import { type CertificateTemplate, createCertificate } from "./certificate-builder.ts";
import { signDetached } from "./cms-sign.ts";
import { createCrl, type RevokedEntry } from "./crl-builder.ts";
import { CryptoError } from "./errors.ts";
import { generatePrivateKey, type KeyKind, type PrivateKey, publicKeyOf } from "./keys.ts";
import {
  type CertificateStatus,
  createOcspError,
  createOcspResponse,
  parseOcspRequest,
} from "./ocsp-responder.ts";
import { RevocationClient, type RevocationNetwork } from "./revocation-client.ts";
import { createSigner, keySigner, type Signer } from "./signer.ts";
import { verifySignature } from "./verify-signature.ts";
import type { Certificate } from "./x509.ts";

const now = new Date("2026-11-21T09:00:00Z");
const hour = 3_600_000;
const later = (ms: number) => new Date(now.getTime() + ms);
const content = Buffer.from("<ClinicalDocument/>");

interface Party {
  key: PrivateKey;
  certificate: Certificate;
  signer: Signer;
}

async function issue(template: Partial<CertificateTemplate>, kind: KeyKind, issuer?: Party): Promise<Party> {
  const key = generatePrivateKey(kind);
  const certificate = await createCertificate(
    {
      subject: { commonName: "Синтетический" },
      publicKey: publicKeyOf(key),
      notBefore: later(-24 * hour),
      notAfter: later(24 * hour),
      ...template,
    },
    { signer: keySigner(issuer?.key ?? key), ...(issuer && { certificate: issuer.certificate }) },
  );
  return { key, certificate, signer: createSigner(key, certificate.der) };
}

const authority = { authority: {}, keyUsages: ["keyCertSign", "cRLSign"] } as const;
const doctorTemplate = {
  subject: { commonName: "Врач", snils: "11223344595" },
  keyUsages: ["digitalSignature", "nonRepudiation"],
  ocspUrl: "http://sub.test/ocsp",
  crlUrl: "http://sub.test/sub.crl",
} as const;

async function publicKeyInfrastructure(kind: KeyKind) {
  const root = await issue({ subject: { commonName: "Корневой УЦ" }, ...authority }, kind);
  const sub = await issue(
    { subject: { commonName: "Учебный УЦ" }, ...authority, crlUrl: "http://root.test/root.crl" },
    kind,
    root,
  );
  const responder = await issue(
    {
      subject: { commonName: "OCSP" },
      extendedKeyUsages: ["1.3.6.1.5.5.7.3.9"],
      keyUsages: ["digitalSignature"],
    },
    kind,
    sub,
  );
  const doctor = await issue(doctorTemplate, kind, sub);
  return { root, sub, responder, doctor };
}

type World = Awaited<ReturnType<typeof publicKeyInfrastructure>>;

interface Behaviour {
  doctor?: CertificateStatus;
  revokedByRoot?: RevokedEntry[];
  revokedBySub?: RevokedEntry[];
  ocspDown?: boolean;
  crlDown?: boolean;
  responder?: Signer;
  producedAt?: Date;
}

function network(world: World, behaviour: Behaviour = {}): RevocationNetwork {
  const list = (issuer: Party, revoked: RevokedEntry[] = []) =>
    createCrl(
      { issuer: issuer.certificate, thisUpdate: later(-hour), nextUpdate: later(hour), number: 1, revoked },
      issuer.signer,
    );
  return async (url, { body }) => {
    if (url.href === "http://root.test/root.crl") return list(world.root, behaviour.revokedByRoot);
    if (url.href === "http://sub.test/sub.crl" && !behaviour.crlDown)
      return list(world.sub, behaviour.revokedBySub);
    if (url.href === "http://sub.test/ocsp" && body && !behaviour.ocspDown) {
      const producedAt = behaviour.producedAt ?? now;
      return createOcspResponse(
        {
          question: parseOcspRequest(body),
          statusOf: () => behaviour.doctor ?? "good",
          producedAt,
          nextUpdate: new Date(producedAt.getTime() + hour),
        },
        behaviour.responder ?? world.responder.signer,
      );
    }
    throw new Error("connection refused");
  };
}

async function verify(world: World, behaviour: Behaviour = {}, overrides: Record<string, unknown> = {}) {
  const signer = (overrides["signer"] as Signer | undefined) ?? world.doctor.signer;
  const cms =
    (overrides["cms"] as Uint8Array | undefined) ??
    (await signDetached(signer, content, {
      signingTime: (overrides["signingTime"] as Date | undefined) ?? now,
      chain: (overrides["chain"] as Uint8Array[] | undefined) ?? [world.sub.certificate.der],
    }));
  const client = new RevocationClient({
    allowedHosts: ["root.test", "sub.test"],
    network: network(world, behaviour),
    now: () => now.getTime(),
  });
  return verifySignature(
    { cms, content: (overrides["content"] as Uint8Array | undefined) ?? content, at: now },
    { roots: (overrides["roots"] as Uint8Array[] | undefined) ?? [world.root.certificate.der] },
    client.fetch,
  );
}

const codes = ({ problems }: { problems: readonly { code: string }[] }) => problems.map(({ code }) => code);

describe.each(["CryptoPro-A", "rsa-2048", "p-256"] as const)("signature check with %s", (kind) => {
  it("accepts a good signature and tells path, evidence and its freshness", async () => {
    const world = await publicKeyInfrastructure(kind);
    const report = await verify(world);
    expect(report.problems).toEqual([]);
    expect(report.valid).toBe(true);
    expect(report.path).toHaveLength(3);
    expect(report.revocation.map(({ source, status }) => [source, status])).toEqual([
      ["ocsp", "good"],
      ["crl", "good"],
    ]);
    expect(report.revocation[0]).toMatchObject({ producedAt: now, nextUpdate: later(hour), ageSeconds: 0 });
  });
});

describe("signature check", () => {
  let world: World;
  beforeAll(async () => {
    world = await publicKeyInfrastructure("CryptoPro-A");
  });

  it("E-17 refuses a certificate that the OCSP responder or the list calls revoked", async () => {
    const byOcsp = await verify(world, { doctor: { revokedAt: later(-hour), reason: 1 } });
    expect(codes(byOcsp)).toEqual(["revoked"]);
    expect(byOcsp.revocation[0]).toMatchObject({ status: "revoked", revokedAt: later(-hour) });
    const entry = { serialNumber: world.doctor.certificate.serialNumber, revokedAt: later(-hour) };
    expect(codes(await verify(world, { ocspDown: true, revokedBySub: [entry] }))).toEqual(["revoked"]);
  });

  it("E-17 tells a revoked authority from a revoked signer", async () => {
    const entry = { serialNumber: world.sub.certificate.serialNumber, revokedAt: later(-hour), reason: 2 };
    expect(codes(await verify(world, { revokedByRoot: [entry] }))).toEqual(["ca-revoked"]);
  });

  it("E-17 asks the list when the responder is down and fails closed when both are", async () => {
    const fallen = await verify(world, { ocspDown: true });
    expect(fallen.valid).toBe(true);
    expect(fallen.revocation[0]?.source).toBe("crl");
    expect(codes(await verify(world, { ocspDown: true, crlDown: true }))).toEqual(["revocation-unknown"]);
  });

  it("does not believe a stale, unknown, foreign or unauthorised OCSP answer", async () => {
    const crlDown = true;
    expect(codes(await verify(world, { crlDown, producedAt: later(-3 * hour) }))).toEqual([
      "revocation-unknown",
    ]);
    expect(codes(await verify(world, { crlDown, producedAt: later(hour) }))).toEqual(["revocation-unknown"]);
    expect(codes(await verify(world, { crlDown, doctor: "unknown" }))).toEqual(["revocation-unknown"]);
    const impostor = await issue({ subject: { commonName: "OCSP" } }, "CryptoPro-A", world.sub);
    expect(codes(await verify(world, { crlDown, responder: impostor.signer }))).toEqual([
      "revocation-unknown",
    ]);
    expect(codes(await verify(world, { crlDown, responder: world.root.signer }))).toEqual([
      "revocation-unknown",
    ]);
    expect((await verify(world, { crlDown, responder: world.sub.signer })).valid).toBe(true);
  });

  it("E-16 refuses a certificate that had expired when it signed", async () => {
    const expired = await issue({ ...doctorTemplate, notAfter: later(-hour) }, "CryptoPro-A", world.sub);
    const signingTime = later(-2 * hour);
    expect(codes(await verify(world, {}, { signer: expired.signer }))).toEqual(["expired-when-signed"]);
    expect(codes(await verify(world, {}, { signer: expired.signer, signingTime }))).toEqual([
      "expired-when-signed",
    ]);
    expect(codes(await verify(world, {}, { signingTime: later(-48 * hour) }))).toEqual([
      "expired-when-signed",
    ]);
    expect(codes(await verify(world, {}, { signingTime: later(hour) }))).toEqual(["format"]);
  });

  it("names each other cause by its own code", async () => {
    expect(codes(await verify(world, {}, { content: Buffer.from("<Other/>") }))).toEqual(["content-differs"]);
    expect(codes(await verify(world, {}, { cms: Buffer.from("x") }))).toEqual(["format"]);
    const stranger = await publicKeyInfrastructure("CryptoPro-A");
    expect(codes(await verify(world, {}, { roots: [stranger.root.certificate.der] }))).toEqual([
      "not-trusted",
    ]);
    expect(codes(await verify(world, {}, { chain: [] }))).toEqual(["not-trusted"]);
  });

  it("finds a known intermediate authority that the container leaves out", async () => {
    const cms = await signDetached(world.doctor.signer, content, { signingTime: now });
    const anchors = { roots: [world.root.certificate.der], intermediates: [world.sub.certificate.der] };
    const offline = () => Promise.reject(new Error("offline"));
    const question = { cms, content, at: now, checkRevocation: false };
    expect((await verifySignature(question, anchors, offline)).valid).toBe(true);
    expect(codes(await verifySignature({ cms, content, at: now }, anchors, offline))).toEqual([
      "revocation-unknown",
      "revocation-unknown",
    ]);
  });

  it("does not let a doctor's certificate issue certificates, nor an authority exceed its path length", async () => {
    const forged = await issue(
      { ...doctorTemplate, subject: { commonName: "Самозванец" } },
      "CryptoPro-A",
      world.doctor,
    );
    const chain = [world.doctor.certificate.der, world.sub.certificate.der];
    expect(codes(await verify(world, {}, { signer: forged.signer, chain }))).toEqual(["not-trusted"]);

    const short = {
      subject: { commonName: "УЦ-0" },
      keyUsages: authority.keyUsages,
      authority: { maxPathLength: 0 },
    };
    const limited = await issue(short, "CryptoPro-A", world.root);
    const deeper = await issue({ ...authority, subject: { commonName: "УЦ-1" } }, "CryptoPro-A", limited);
    const signer = await issue(doctorTemplate, "CryptoPro-A", deeper);
    const report = await verify(
      world,
      {},
      { signer: signer.signer, chain: [limited.certificate.der, deeper.certificate.der] },
    );
    expect(codes(report)).toEqual(["not-trusted"]);
    expect(report.problems[0]?.detail).toMatch(/longer/);
  });

  it("ends on authorities that sign each other in a circle", async () => {
    const a = await issue({ ...authority, subject: { commonName: "А" } }, "CryptoPro-A");
    const b = await issue({ ...authority, subject: { commonName: "Б" } }, "CryptoPro-A", a);
    const crossed = await createCertificate(
      {
        subject: { commonName: "А" },
        publicKey: publicKeyOf(a.key),
        notBefore: a.certificate.notBefore,
        notAfter: a.certificate.notAfter,
        ...authority,
      },
      { signer: keySigner(b.key), certificate: b.certificate },
    );
    const lost = await issue(doctorTemplate, "CryptoPro-A", b);
    const chain = [b.certificate.der, crossed.der];
    expect(codes(await verify(world, {}, { signer: lost.signer, chain }))).toEqual(["not-trusted"]);
  });

  it("refuses an OCSP error answer and a list of another issuer", async () => {
    const client = (network: RevocationNetwork) =>
      new RevocationClient({ allowedHosts: ["root.test", "sub.test"], network, now: () => now.getTime() });
    const cms = await signDetached(world.doctor.signer, content, {
      signingTime: now,
      chain: [world.sub.certificate.der],
    });
    const foreign = await publicKeyInfrastructure("CryptoPro-A");
    const list = await createCrl(
      { issuer: foreign.sub.certificate, thisUpdate: now, nextUpdate: later(hour), number: 1, revoked: [] },
      foreign.sub.signer,
    );
    const question = { cms, content, at: now };
    const anchors = { roots: [world.root.certificate.der] };
    const report = await verifySignature(
      question,
      anchors,
      client(async (_, { body }) => (body ? createOcspError("tryLater") : list)).fetch,
    );
    expect(codes(report)).toEqual(["revocation-unknown", "revocation-unknown"]);
    expect(report.problems[0]?.detail).toMatch(/not readable|states no time|not signed by/);
  });
});

describe("revocation client", () => {
  const crl = async () => {
    const root = await issue({ subject: { commonName: "Корневой УЦ" }, ...authority }, "p-256");
    return createCrl(
      { issuer: root.certificate, thisUpdate: later(-hour), nextUpdate: later(hour), number: 1, revoked: [] },
      root.signer,
    );
  };

  it("asks allowed hosts only", async () => {
    const asked: string[] = [];
    const list = await crl();
    const client = new RevocationClient({
      allowedHosts: ["ca.test", "ca.test:8080"],
      now: () => now.getTime(),
      network: async (url) => {
        asked.push(url.href);
        return list;
      },
    });
    for (const url of [
      "http://evil.test/ca.crl",
      "http://169.254.169.254/latest",
      "http://ca.test.evil.test/",
      "http://ca.test@evil.test/",
      "http://user@ca.test/",
      "file:///etc/passwd",
      "ldap://ca.test/",
      "not a url",
    ]) {
      await expect(client.fetch(url)).rejects.toMatchObject({ code: "revocation-refused" });
    }
    expect(asked).toEqual([]);
    await client.fetch("http://CA.test/ca.crl");
    expect(asked).toEqual(["http://ca.test/ca.crl"]);
  });

  it("keeps an answer while it lives, states its age, and joins questions asked at once", async () => {
    let time = now.getTime();
    let asked = 0;
    const list = await crl();
    const client = new RevocationClient({
      allowedHosts: ["ca.test"],
      maxAgeSeconds: 600,
      now: () => time,
      network: async () => {
        asked += 1;
        return list;
      },
    });
    const url = "http://ca.test/ca.crl";
    await Promise.all([client.fetch(url), client.fetch(url)]);
    expect(asked).toBe(1);
    time += 599_000;
    expect(await client.fetch(url)).toMatchObject({
      ageSeconds: 599,
      thisUpdate: later(-hour),
      nextUpdate: later(hour),
    });
    expect(asked).toBe(1);
    time += 1000;
    expect((await client.fetch(url)).ageSeconds).toBe(0);
    expect(asked).toBe(2);
    time = later(hour).getTime();
    await client.fetch(url);
    await client.fetch(url);
    expect(asked).toBe(4);
  });

  it("refuses an answer over the limit and one that is no list, and does not keep failures", async () => {
    const answers = [new Uint8Array(101), Buffer.from("<html>502</html>"), await crl()];
    const client = new RevocationClient({
      allowedHosts: ["ca.test"],
      now: () => now.getTime(),
      maxBytes: 400,
      network: async (_, { maxBytes }) => {
        expect(maxBytes).toBe(400);
        return answers.shift() ?? new Uint8Array(401);
      },
    });
    const url = "http://ca.test/ca.crl";
    await expect(client.fetch(url)).rejects.toMatchObject({ code: "revocation-unavailable" });
    await expect(client.fetch(url)).rejects.toBeInstanceOf(CryptoError);
    expect((await client.fetch(url)).bytes.length).toBeGreaterThan(100);
    await expect(client.fetch(`${url}?2`)).rejects.toMatchObject({ code: "revocation-refused" });
  });
});
