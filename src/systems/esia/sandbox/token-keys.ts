import type { Clock } from "../../../core/clock.ts";
import { createCertificate } from "../../../crypto/certificate-builder.ts";
import { generatePrivateKey, publicKeyOf } from "../../../crypto/keys.ts";
import { createSigner, keySigner, type Signer } from "../../../crypto/signer.ts";
import type { EsiaClient } from "./clients.ts";

type TokenAlgorithm = EsiaClient["tokenAlgorithm"];

/** Who signs a token: ESIA itself, or in a scenario a key nobody knows or one whose certificate has run out. */
export type SignedBy = "esia" | "stranger" | "expired";

const dayMs = 24 * 3_600_000;
const validity = {
  esia: [-dayMs, 365 * dayMs],
  stranger: [-dayMs, 365 * dayMs],
  expired: [-400 * dayMs, -dayMs],
};
const names = { esia: "ЕСИА", stranger: "чужой ключ", expired: "ЕСИА, прошлый год" };
const keyKinds = { RS256: "rsa-2048", GOST3410_2012_256: "CryptoPro-A" } as const;

/** The keys that sign tokens, made at start and self-certified; a scenario's keys are made when it is first played. */
export class TokenKeys {
  readonly #clock: Clock;
  readonly #signers = new Map<string, Promise<Signer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  signer(algorithm: TokenAlgorithm, by: SignedBy): Promise<Signer> {
    const key = `${algorithm} ${by}`;
    const signer = this.#signers.get(key) ?? this.#make(algorithm, by);
    this.#signers.set(key, signer);
    return signer;
  }

  /** DER of the certificates that one of these keys signs with, RSA first. */
  async certificates(by: SignedBy): Promise<Uint8Array[]> {
    const signers = [await this.signer("RS256", by), await this.signer("GOST3410_2012_256", by)];
    return signers.map(({ certificateDer }) => certificateDer);
  }

  async #make(algorithm: TokenAlgorithm, by: SignedBy): Promise<Signer> {
    const key = generatePrivateKey(keyKinds[algorithm]);
    const [from = 0, to = 0] = validity[by];
    const template = {
      subject: {
        commonName: `${names[by]} (песочница)`,
        organization: "Песочница, без юридической силы",
        country: "RU",
      },
      publicKey: publicKeyOf(key),
      notBefore: new Date(this.#clock.now() + from),
      notAfter: new Date(this.#clock.now() + to),
      keyUsages: ["digitalSignature"],
    } as const;
    const { der } = await createCertificate(template, { signer: keySigner(key) });
    return createSigner(key, der);
  }
}
