import type { Clock } from "../../../core/clock.ts";
import { issueCertificate, type Signer } from "../../../sandbox-crypto/certificate.ts";
import { createKey, type SigningKey } from "../../../sandbox-crypto/keys.ts";
import type { EsiaClient } from "./clients.ts";

type TokenAlgorithm = EsiaClient["tokenAlgorithm"];

/** Who signs a token: ESIA itself, or in a scenario a key nobody knows or one whose certificate has run out. */
export type SignedBy = "esia" | "stranger" | "expired";

/** ESIA's own keys, when they are kept over restarts. */
export type KeptSigners = Readonly<Record<TokenAlgorithm, Signer>>;

const dayMs = 24 * 3_600_000;
const validity = {
  // longer than in life, where certificates change every year: kept ones must not run out unseen
  esia: [-dayMs, 5 * 365 * dayMs],
  stranger: [-dayMs, 365 * dayMs],
  expired: [-400 * dayMs, -dayMs],
};
const names = { esia: "ЕСИА", stranger: "чужой ключ", expired: "ЕСИА, прошлый год" };
const keyKinds = { RS256: "rsa", GOST3410_2012_256: "gost" } as const;

/** A fresh key of the kind that an algorithm needs. */
export const createTokenKey = (algorithm: TokenAlgorithm): SigningKey => createKey(keyKinds[algorithm]);

/** Gives a token key a self-signed certificate, which says that it is the sandbox's and without legal force. */
export function issueTokenSigner(key: SigningKey, by: SignedBy, clock: Clock): Signer {
  const [from = 0, to = 0] = validity[by];
  return issueCertificate({
    subject: {
      commonName: `${names[by]} (песочница)`,
      organization: "Песочница, без юридической силы",
      country: "RU",
    },
    key,
    notBefore: new Date(clock.now() + from),
    notAfter: new Date(clock.now() + to),
    keyUsages: ["digitalSignature"],
  });
}

/** The keys that sign tokens; those that were not kept are made when they first sign. */
export class TokenKeys {
  readonly #clock: Clock;
  readonly #kept: KeptSigners | undefined;
  readonly #made = new Map<string, Signer>();

  constructor(clock: Clock, kept?: KeptSigners) {
    this.#clock = clock;
    this.#kept = kept;
  }

  signer(algorithm: TokenAlgorithm, by: SignedBy): Signer {
    if (by === "esia" && this.#kept) return this.#kept[algorithm];
    const name = `${algorithm} ${by}`;
    const signer = this.#made.get(name) ?? issueTokenSigner(createTokenKey(algorithm), by, this.#clock);
    this.#made.set(name, signer);
    return signer;
  }

  /** DER of the certificates that one of these keys signs with, RSA first. */
  certificates(by: SignedBy): Uint8Array[] {
    const algorithms = ["RS256", "GOST3410_2012_256"] as const;
    return algorithms.map((algorithm) => this.signer(algorithm, by).certificate.der);
  }
}
