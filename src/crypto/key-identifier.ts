import { createHash } from "node:crypto";
import { childrenOf, readBitString, readDer } from "./der-read.ts";

/** Key identifier by RFC 5280 section 4.2.1.2, method 1: SHA-1 of the key's bits; it names a key and protects nothing. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return createHash("sha1").update(subjectPublicKeyBits(spki)).digest();
}

/** The bits of subjectPublicKey, which key identifiers and OCSP hash. */
export function subjectPublicKeyBits(spki: Uint8Array): Uint8Array {
  return readBitString(childrenOf(readDer(spki))[1]);
}
