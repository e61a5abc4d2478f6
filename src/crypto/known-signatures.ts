import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { parsePublicKey, verifyMessage } from "./keys.ts";

export interface KeySignature {
  /** SubjectPublicKeyInfo of the signer. */
  readonly spki: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

const verified = new LRUCache<string, true>({ max: 5000 });

/**
 * `verifyMessage` for signatures that come again and again: certificates, lists and OCSP answers of the same
 * authorities. A good one is remembered by a hash of all its parts, a bad one never. Throws as `parsePublicKey` does.
 */
export function verifyKnown({ spki, algorithm, message, signature }: KeySignature): boolean {
  const parts = [spki, message, signature].map((part) => createHash("sha256").update(part).digest("base64"));
  const name = [algorithm, ...parts].join(" ");
  if (verified.has(name)) return true;
  const isGood = verifyMessage(parsePublicKey(spki), algorithm, message, signature);
  if (isGood) verified.set(name, true);
  return isGood;
}
