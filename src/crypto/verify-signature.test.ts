import { beforeAll, describe, expect, it } from "vitest";
import { createCrl } from "../../test/support/crl-builder.ts";
import { createOcspError } from "../../test/support/ocsp-responder.ts";
import {
  authority,
  codes,
  content,
  dayOf,
  doctorTemplate,
  hour,
  issue,
  later,
  now,
  publicKeyInfrastructure,
  verify,
  type World,
} from "../../test/support/signature-world.ts";
import { createCertificate } from "./certificate-builder.ts";
import { signDetached } from "./cms-sign.ts";
import { publicKeyOf } from "./keys.ts";
import { RevocationClient, type RevocationNetwork } from "./revocation-client.ts";
import { keySigner } from "./signer.ts";
import { verifySignature } from "./verify-signature.ts";

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

  it("E-17 does not believe a stale, unknown, foreign or unauthorised OCSP answer", async () => {
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
    const offline = { fetch: () => Promise.reject(new Error("offline")) };
    const question = { container: cms, content, at: now, checkRevocation: false };
    expect((await verifySignature(question, anchors, offline)).valid).toBe(true);
    expect(codes(await verifySignature({ container: cms, content, at: now }, anchors, offline))).toEqual([
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
    const question = { container: cms, content, at: now };
    const anchors = { roots: [world.root.certificate.der] };
    const report = await verifySignature(
      question,
      anchors,
      client(async (_, { body }) => (body ? createOcspError("tryLater") : list)),
    );
    expect(codes(report)).toEqual(["revocation-unknown", "revocation-unknown"]);
    expect(report.problems[0]?.detail).toMatch(/not readable|states no time|not signed by/);
  });

  it("E-17 a revocation that is known is not forgotten when its source falls silent", async () => {
    const hours = dayOf(world);
    expect(await hours.at(0, {})).toEqual(["ocsp good", "crl good"]);
    const entry = { serialNumber: world.doctor.certificate.serialNumber, revokedAt: later(0) };
    const byList = { ocspDown: true, revokedBySub: [entry] };
    expect(await hours.at(1, byList)).toEqual(["crl revoked", "crl good"]);
    expect(await hours.at(2, { ocspDown: true, crlDown: true })).toEqual(["crl revoked", "crl good"]);
    // a list that is older than the known revocation does not undo it, a later answer of the responder does
    const list = later(-hour);
    const behind = dayOf(world);
    await behind.at(0, { doctor: { revokedAt: later(-hour), reason: 6 } });
    expect(await behind.at(1, { ocspDown: true, listAt: list })).toEqual(["ocsp revoked", "crl good"]);
    expect(await behind.at(2, {})).toEqual(["ocsp good", "crl good"]);
  });

  it("E-17 while all sources are silent the newest of their last answers is believed", async () => {
    const hours = dayOf(world);
    await hours.at(0, {});
    await hours.at(2, { ocspDown: true });
    expect(await hours.at(3, { ocspDown: true, crlDown: true })).toEqual(["crl good", "crl good"]);
    expect(await hours.at(9, { ocspDown: true, crlDown: true, rootDown: true })).toEqual([]);
  });

  it("E-17 a good status is believed for the tolerated age, even where its source gave it a longer life", async () => {
    const hours = dayOf(world);
    const silent = { ocspDown: true, crlDown: true, rootDown: true };
    await hours.at(0, { lifeMs: 48 * hour });
    expect(await hours.at(6, silent)).toEqual(["ocsp good", "crl good"]);
    expect(await hours.at(6.1, silent)).toEqual([]);
  });

  it("E-17 an answer that does not verify displaces none that did, and is not kept", async () => {
    const hours = dayOf(world);
    await hours.at(0, { crlDown: true });
    const forged = { crlDown: true, responder: world.root.signer };
    expect(await hours.at(1, forged)).toEqual(["ocsp good", "crl good"]);
    expect(await hours.at(1.05, { crlDown: true })).toEqual(["ocsp good", "crl good"]);
    expect(hours.timesResponderAsked()).toBe(3);
    expect(await hours.at(2, { crlDown: true, doctor: "unknown" })).toEqual(["ocsp good", "crl good"]);
    // the answer of 1.05 still lives: its age is told
    expect(await hours.at(2.1, { ocspDown: true, crlDown: true })).toEqual(["ocsp good", "crl good"]);
  });
});
