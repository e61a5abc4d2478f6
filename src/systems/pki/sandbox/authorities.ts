import type { Clock } from "../../../core/clock.ts";
import { issueCertificate, type Signer } from "../../../sandbox-crypto/certificate.ts";
import { createKey, type KeyKind, type SigningKey } from "../../../sandbox-crypto/keys.ts";
import { type AuthorityName, authorityTitles } from "./authority-names.ts";
import { createCrl } from "./crl.ts";
import { answerOcsp, type CertificateStatus, malformedRequest } from "./ocsp.ts";
import { variantOf } from "./variants.ts";

const kinds: readonly KeyKind[] = ["rsa", "gost"];

/** Keys of the two roots when they are kept over restarts. */
export type KeptRoots = Readonly<Record<KeyKind, Signer>>;

export interface Authority extends Signer {
  name: AuthorityName;
}

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;
const signsCertificates = ["keyCertSign", "cRLSign", "digitalSignature"] as const;

/** A self-signed root that says that it is the sandbox's and without legal force. */
export const issueRoot = (key: SigningKey, now: number): Signer =>
  issueAuthority("root", key, { now, years: 20 });

interface Terms {
  now: number;
  years: number;
  issuer?: Authority | undefined;
  crlUrl?: string | undefined;
}

function issueAuthority(name: AuthorityName, key: SigningKey, terms: Terms): Signer {
  const { now, years, issuer, crlUrl } = terms;
  return issueCertificate(
    {
      subject: {
        commonName: authorityTitles[name],
        organization: "Песочница, без юридической силы",
        country: "RU",
      },
      key,
      notBefore: new Date(now - 400 * dayMs),
      notAfter: new Date(now + years * 365 * dayMs),
      isAuthority: true,
      keyUsages: signsCertificates,
      crlUrl,
    },
    issuer,
  );
}

/** Two roots with an authority in force and a revoked one below each, and a root that nobody trusts. */
export class Authorities {
  readonly #clock: Clock;
  readonly #kept: KeptRoots | undefined;
  readonly #made = new Map<string, Authority>();
  /** address under which certificates name their responders and lists */
  base = "";

  constructor(clock: Clock, kept?: KeptRoots) {
    this.#clock = clock;
    this.#kept = kept;
  }

  authority(kind: KeyKind, name: AuthorityName): Authority {
    const place = `${kind} ${name}`;
    const made = this.#made.get(place) ?? this.#make(kind, name);
    this.#made.set(place, made);
    return made;
  }

  /** DER of the roots, RSA first. */
  roots(): Uint8Array[] {
    return kinds.map((kind) => this.authority(kind, "root").certificate.der);
  }

  ocspUrl({ key, name }: Authority): string {
    return `${this.base}/ocsp/${key.kind}/${name}`;
  }

  /** The authority's list; a stale one ended a day ago. */
  crl(authority: Authority, isStale = false): Uint8Array {
    const now = this.#clock.now() - (isStale ? 2 * dayMs : 0);
    const { serialNumber } = this.authority(authority.key.kind, "retired").certificate;
    return createCrl(
      {
        thisUpdate: new Date(now - hourMs),
        nextUpdate: new Date(now + dayMs),
        number: 1,
        // certificates of people are asked about by OCSP; their revoked ones say so in the number itself
        revoked: authority.name === "root" ? [{ serialNumber, revokedAt: new Date(now - dayMs) }] : [],
      },
      authority,
    );
  }

  /** What the authority's responder says; `malformed` for bytes that are no question. */
  ocsp(authority: Authority, request: Uint8Array, play: OcspPlay = {}): Uint8Array {
    const now = this.#clock.now() - (play.isStale ? 2 * dayMs : 0);
    const statusOf = (serial: bigint): CertificateStatus =>
      play.isUnknown
        ? "unknown"
        : variantOf(serial) === "revoked"
          ? { revokedAt: new Date(now - hourMs) }
          : "good";
    try {
      return answerOcsp(
        request,
        { statusOf, producedAt: new Date(now), nextUpdate: new Date(now + hourMs) },
        play.isForged ? this.authority(authority.key.kind, "stranger") : authority,
      );
    } catch {
      return malformedRequest;
    }
  }

  #make(kind: KeyKind, name: AuthorityName): Authority {
    const now = this.#clock.now();
    const kept = name === "root" ? this.#kept?.[kind] : undefined;
    if (kept) return { name, ...kept };
    const isRoot = name === "root" || name === "stranger";
    const issuer = isRoot ? undefined : this.authority(kind, "root");
    const crlUrl = issuer && `${this.base}/crl/${kind}/${issuer.name}`;
    return { name, ...issueAuthority(name, createKey(kind), { now, years: 10, issuer, crlUrl }) };
  }
}

interface OcspPlay {
  isStale?: boolean;
  isUnknown?: boolean;
  isForged?: boolean;
}
