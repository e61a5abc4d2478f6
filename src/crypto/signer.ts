import type { SignatureAlgorithm } from "./algorithms.ts";
import { defaultAlgorithmOf, type PrivateKey, signMessage } from "./keys.ts";

/** A key that signs, wherever it lives: in memory, in a token, behind a signing service. */
export interface MessageSigner {
  readonly algorithm: SignatureAlgorithm;
  /** Hashes and signs: s || r big-endian for GOST (64 or 128 bytes), PKCS#1 v1.5 for RSA, DER for ECDSA. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** The signing port: a key together with its certificate. */
export interface Signer extends MessageSigner {
  readonly certificateDer: Uint8Array;
}

/** Signs with a key in memory; for tests, sandboxes and RSA or ECDSA keys that may live in files. */
export function keySigner(
  key: PrivateKey,
  algorithm: SignatureAlgorithm = defaultAlgorithmOf(key),
): MessageSigner {
  return { algorithm, sign: async (message) => signMessage(key, algorithm, message) };
}

/** The same with the key's certificate. */
export function createSigner(key: PrivateKey, certificateDer: Uint8Array): Signer {
  return { ...keySigner(key), certificateDer };
}
