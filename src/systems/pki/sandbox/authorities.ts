import type { Clock } from "../../../core/clock.ts";
import { createCertificate } from "../../../crypto/certificate-builder.ts";
import { createCrl } from "../../../crypto/crl-builder.ts";
import { generatePrivateKey, type PrivateKey, publicKeyOf } from "../../../crypto/keys.ts";
import {
  type CertificateStatus,
  createOcspError,
  createOcspResponse,
  parseOcspRequest,
} from "../../../crypto/ocsp-responder.ts";
import { createSigner, keySigner, type Signer } from "../../../crypto/signer.ts";
import { type Certificate, parseCertificate } from "../../../crypto/x509.ts";
import { type AuthorityName, authorityTitles } from "./authority-names.ts";
import { variantOf } from "./variants.ts";

export const keyKinds = { rsa: "rsa-2048", gost: "CryptoPro-A" } as const;
export type PkiKind = keyof typeof keyKinds;
export const pkiKinds = Object.keys(keyKinds) as PkiKind[];

/** Keys of the two roots when they are kept over restarts. */
export type KeptRoots = Readonly<Record<PkiKind, Signer>>;

export interface Authority {
  name: AuthorityName;
  kind: PkiKind;
  certificate: Certificate;
  signer: Signer;
}

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;
const signsCertificates = ["keyCertSign", "cRLSign", "digitalSignature"] as const;

/** A self-signed root that says that it is the sandbox's and without legal force. */
export async function rootCertificate(key: PrivateKey, now: number): Promise<Uint8Array> {
  return (await authorityCertificate("root", key, { now, years: 20 })).der;
}

interface Terms {
  now: number;
  years: number;
  issuer?: Authority;
  crlUrl?: string;
}

function authorityCertificate(name: AuthorityName, key: PrivateKey, terms: Terms): Promise<Certificate> {
  const { now, years, issuer, crlUrl } = terms;
  return createCertificate(
    {
      subject: {
        commonName: authorityTitles[name],
        organization: "Песочница, без юридической силы",
        country: "RU",
      },
      publicKey: publicKeyOf(key),
      notBefore: new Date(now - 400 * dayMs),
      notAfter: new Date(now + years * 365 * dayMs),
      authority: {},
      keyUsages: signsCertificates,
      crlUrl,
    },
    { signer: issuer?.signer ?? keySigner(key), certificate: issuer?.certificate },
  );
}

/** Two roots with an authority in force and a revoked one below each, and a root that nobody trusts. */
export class Authorities {
  readonly #clock: Clock;
  readonly #kept: KeptRoots | undefined;
  readonly #made = new Map<string, Promise<Authority>>();
  /** address under which certificates name their responders and lists */
  base = "";

  constructor(clock: Clock, kept?: KeptRoots) {
    this.#clock = clock;
    this.#kept = kept;
  }

  authority(kind: PkiKind, name: AuthorityName): Promise<Authority> {
    const key = `${kind} ${name}`;
    const made = this.#made.get(key) ?? this.#make(kind, name);
    this.#made.set(key, made);
    return made;
  }

  /** DER of the roots, RSA first. */
  async roots(): Promise<Uint8Array[]> {
    const roots = await Promise.all(pkiKinds.map((kind) => this.authority(kind, "root")));
    return roots.map(({ certificate }) => certificate.der);
  }

  crlUrl({ kind, name }: Pick<Authority, "kind" | "name">): string {
    return `${this.base}/crl/${kind}/${name}`;
  }

  ocspUrl({ kind, name }: Pick<Authority, "kind" | "name">): string {
    return `${this.base}/ocsp/${kind}/${name}`;
  }

  /** The authority's list; a stale one ended a day ago. */
  async crl(authority: Authority, isStale = false): Promise<Uint8Array> {
    const now = this.#clock.now() - (isStale ? 2 * dayMs : 0);
    const retired = await this.authority(authority.kind, "retired");
    const { serialNumber } = retired.certificate;
    return createCrl(
      {
        issuer: authority.certificate,
        thisUpdate: new Date(now - hourMs),
        nextUpdate: new Date(now + dayMs),
        number: 1,
        // certificates of people are asked about by OCSP; their revoked ones say so in the number itself
        revoked: authority.name === "root" ? [{ serialNumber, revokedAt: new Date(now - dayMs) }] : [],
      },
      authority.signer,
    );
  }

  /** What the authority's responder says; `malformed` for bytes that are no question. */
  async ocsp(authority: Authority, request: Uint8Array, play: OcspPlay = {}): Promise<Uint8Array> {
    const now = this.#clock.now() - (play.isStale ? 2 * dayMs : 0);
    const statusOf = (serial: string): CertificateStatus =>
      play.isUnknown
        ? "unknown"
        : variantOf(serial) === "revoked"
          ? { revokedAt: new Date(now - hourMs), reason: 1 }
          : "good";
    try {
      return await createOcspResponse(
        {
          question: parseOcspRequest(request),
          statusOf: ({ serialNumber }) => statusOf(serialNumber),
          producedAt: new Date(now),
          nextUpdate: new Date(now + hourMs),
        },
        play.isForged ? (await this.authority(authority.kind, "stranger")).signer : authority.signer,
      );
    } catch {
      return createOcspError("malformedRequest");
    }
  }

  async #make(kind: PkiKind, name: AuthorityName): Promise<Authority> {
    const now = this.#clock.now();
    const isRoot = name === "root" || name === "stranger";
    const kept = name === "root" ? this.#kept?.[kind] : undefined;
    if (kept) return { name, kind, certificate: parseCertificate(kept.certificateDer), signer: kept };
    const key = generatePrivateKey(keyKinds[kind]);
    const issuer = isRoot ? undefined : await this.authority(kind, "root");
    const crlUrl = issuer && this.crlUrl(issuer);
    const certificate = await authorityCertificate(name, key, { now, years: 10, issuer, crlUrl });
    return { name, kind, certificate, signer: createSigner(key, certificate.der) };
  }
}

interface OcspPlay {
  isStale?: boolean;
  isUnknown?: boolean;
  isForged?: boolean;
}
