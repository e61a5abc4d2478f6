import { type CertificateTemplate, createCertificate } from "../../src/crypto/certificate-builder.ts";
import { signDetached } from "../../src/crypto/cms-sign.ts";
import { generatePrivateKey, type KeyKind, type PrivateKey, publicKeyOf } from "../../src/crypto/keys.ts";
import { RevocationClient, type RevocationNetwork } from "../../src/crypto/revocation-client.ts";
import { createSigner, keySigner, type Signer } from "../../src/crypto/signer.ts";
import { verifyCertificate, verifySignature } from "../../src/crypto/verify-signature.ts";
import type { Certificate } from "../../src/crypto/x509.ts";
import { createCrl, type RevokedEntry } from "./crl-builder.ts";
import { type CertificateStatus, createOcspResponse, parseOcspRequest } from "./ocsp-responder.ts";

export const now = new Date("2026-11-21T09:00:00Z");
export const hour = 3_600_000;
export const later = (ms: number) => new Date(now.getTime() + ms);
export const content = Buffer.from("<ClinicalDocument/>");

export interface Party {
  key: PrivateKey;
  certificate: Certificate;
  signer: Signer;
}

export async function issue(
  template: Partial<CertificateTemplate>,
  kind: KeyKind,
  issuer?: Party,
): Promise<Party> {
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

export const authority = { authority: {}, keyUsages: ["keyCertSign", "cRLSign"] } as const;
export const doctorTemplate = {
  subject: { commonName: "Врач", snils: "11223344595" },
  keyUsages: ["digitalSignature", "nonRepudiation"],
  ocspUrl: "http://sub.test/ocsp",
  crlUrl: "http://sub.test/sub.crl",
} as const;

export async function publicKeyInfrastructure(kind: KeyKind) {
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

export type World = Awaited<ReturnType<typeof publicKeyInfrastructure>>;

export interface Behaviour {
  doctor?: CertificateStatus;
  revokedByRoot?: RevokedEntry[];
  revokedBySub?: RevokedEntry[];
  ocspDown?: boolean;
  crlDown?: boolean;
  rootDown?: boolean;
  /** When the lists were made; an hour ago when absent. */
  listAt?: Date;
  responder?: Signer;
  producedAt?: Date;
  /** How long what is said stands by its own words; an hour when absent. */
  lifeMs?: number;
}

function network(world: World, behaviour: Behaviour = {}, at = now): RevocationNetwork {
  const thisUpdate = behaviour.listAt ?? new Date(at.getTime() - hour);
  const { lifeMs = hour } = behaviour;
  const nextUpdate = new Date(at.getTime() + lifeMs);
  const list = (issuer: Party, revoked: RevokedEntry[] = []) =>
    createCrl({ issuer: issuer.certificate, thisUpdate, nextUpdate, number: 1, revoked }, issuer.signer);
  return async (url, { body }) => {
    if (url.href === "http://root.test/root.crl" && !behaviour.rootDown)
      return list(world.root, behaviour.revokedByRoot);
    if (url.href === "http://sub.test/sub.crl" && !behaviour.crlDown)
      return list(world.sub, behaviour.revokedBySub);
    if (url.href === "http://sub.test/ocsp" && body && !behaviour.ocspDown) {
      const producedAt = behaviour.producedAt ?? at;
      return createOcspResponse(
        {
          question: parseOcspRequest(body),
          statusOf: () => behaviour.doctor ?? "good",
          producedAt,
          nextUpdate: new Date(producedAt.getTime() + lifeMs),
        },
        behaviour.responder ?? world.responder.signer,
      );
    }
    throw new Error("connection refused");
  };
}

export async function verify(
  world: World,
  behaviour: Behaviour = {},
  overrides: Record<string, unknown> = {},
) {
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
    { container: cms, content: (overrides["content"] as Uint8Array | undefined) ?? content, at: now },
    { roots: (overrides["roots"] as Uint8Array[] | undefined) ?? [world.root.certificate.der] },
    client,
  );
}

/** One gateway's day: the same client at several hours, a good status of up to six hours ago tolerated. */
export function dayOf(world: World) {
  let at = now;
  let behaviour: Behaviour = {};
  let ofResponder = 0;
  const client = new RevocationClient({
    allowedHosts: ["root.test", "sub.test"],
    network: (url, options) => {
      if (options.body) ofResponder += 1;
      return network(world, behaviour, at)(url, options);
    },
    now: () => at.getTime(),
  });
  return {
    timesResponderAsked: () => ofResponder,
    /** What is said of the doctor and of the authority `hours` after the start. */
    at: async (hours: number, then: Behaviour): Promise<string[]> => {
      at = later(hours * hour);
      behaviour = then;
      const others = [world.sub.certificate.der];
      const question = { certificateDer: world.doctor.certificate.der, at, others, toleratedAgeMs: 6 * hour };
      const report = await verifyCertificate(question, { roots: [world.root.certificate.der] }, client);
      return report.revocation.map(({ source, status }) => `${source} ${status}`);
    },
  };
}

export const codes = ({ problems }: { problems: readonly { code: string }[] }) =>
  problems.map(({ code }) => code);
