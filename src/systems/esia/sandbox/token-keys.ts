import type { Clock } from "../../../core/clock.ts";
import { createCertificate } from "../../../crypto/certificate-builder.ts";
import { generatePrivateKey, type PrivateKey, publicKeyOf } from "../../../crypto/keys.ts";
import { createSigner, keySigner, type Signer } from "../../../crypto/signer.ts";
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
const keyKinds = { RS256: "rsa-2048", GOST3410_2012_256: "CryptoPro-A" } as const;

/** A fresh key of the kind that an algorithm needs. */
export function createTokenKey(algorithm: TokenAlgorithm): PrivateKey {
  return generatePrivateKey(keyKinds[algorithm]);
}

/** A self-signed certificate of a token key; says that it is the sandbox's and without legal force. */
export async function tokenCertificate(key: PrivateKey, by: SignedBy, clock: Clock): Promise<Uint8Array> {
  const [from = 0, to = 0] = validity[by];
  const template = {
    subject: {
      commonName: `${names[by]} (песочница)`,
      organization: "Песочница, без юридической силы",
      country: "RU",
    },
    publicKey: publicKeyOf(key),
    notBefore: new Date(clock.now() + from),
    notAfter: new Date(clock.now() + to),
    keyUsages: ["digitalSignature"],
  } as const;
  return (await createCertificate(template, { signer: keySigner(key) })).der;
}

/** The keys that sign tokens; those that were not kept are made when they first sign. */
export class TokenKeys {
  readonly #clock: Clock;
  readonly #kept: KeptSigners | undefined;
  readonly #made = new Map<string, Promise<Signer>>();

  constructor(clock: Clock, kept?: KeptSigners) {
    this.#clock = clock;
    this.#kept = kept;
  }

  async signer(algorithm: TokenAlgorithm, by: SignedBy): Promise<Signer> {
    if (by === "esia" && this.#kept) return this.#kept[algorithm];
    const name = `${algorithm} ${by}`;
    const signer = this.#made.get(name) ?? this.#make(algorithm, by);
    this.#made.set(name, signer);
    return signer;
  }

  /** DER of the certificates that one of these keys signs with, RSA first. */
  async certificates(by: SignedBy): Promise<Uint8Array[]> {
    const signers = [await this.signer("RS256", by), await this.signer("GOST3410_2012_256", by)];
    return signers.map(({ certificateDer }) => certificateDer);
  }

  async #make(algorithm: TokenAlgorithm, by: SignedBy): Promise<Signer> {
    const key = createTokenKey(algorithm);
    return createSigner(key, await tokenCertificate(key, by, this.#clock));
  }
}
