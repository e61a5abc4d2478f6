import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { none, oid, sequence } from "./der.ts";
import { gostPkcs8, gostSecret, gostSecretOf, gostSpki, signGost } from "./gost.ts";
import { derOfPem, pemOf } from "./pem.ts";
import { streebog256 } from "./streebog.ts";

export type KeyKind = "rsa" | "gost";

/** A key of a sandbox's party: RSA of 2048 bits, or GOST R 34.10-2012 of 256 bits on CryptoPro-A. */
export interface SigningKey {
  kind: KeyKind;
  /** SubjectPublicKeyInfo in DER */
  spki: Uint8Array;
  pkcs8: Uint8Array;
  /** PKCS#1 v1.5 for RSA, s and r for GOST; the digest is that of `algorithms` */
  sign(message: Uint8Array): Uint8Array;
}

/** What stands for a kind of key in signed structures (RFC 4055, RFC 9215): object identifiers as AlgorithmIdentifier. */
export const algorithms = {
  rsa: {
    signature: sequence(oid("1.2.840.113549.1.1.11"), none),
    key: sequence(oid("1.2.840.113549.1.1.1"), none),
    digest: sequence(oid("2.16.840.1.101.3.4.2.1")),
    digestOf: (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest(),
  },
  gost: {
    signature: sequence(oid("1.2.643.7.1.1.3.2")),
    key: sequence(oid("1.2.643.7.1.1.1.1")),
    digest: sequence(oid("1.2.643.7.1.1.2.2")),
    digestOf: streebog256,
  },
} as const;

export function createKey(kind: KeyKind): SigningKey {
  if (kind === "gost") return gostKey(gostSecret());
  return rsaKey(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
}

export const keyToPem = ({ pkcs8 }: SigningKey): string => pemOf(pkcs8, "PRIVATE KEY");

/** Reads what `keyToPem` wrote. */
export function keyFromPem(pem: string): SigningKey {
  const secret = gostSecretOf(derOfPem(pem, "PRIVATE KEY"));
  return secret === undefined ? rsaKey(createPrivateKey(pem)) : gostKey(secret);
}

const gostKey = (secret: bigint): SigningKey => ({
  kind: "gost",
  spki: gostSpki(secret),
  pkcs8: gostPkcs8(secret),
  sign: (message) => signGost(secret, message),
});

const rsaKey = (key: KeyObject): SigningKey => ({
  kind: "rsa",
  spki: createPublicKey(key).export({ format: "der", type: "spki" }),
  pkcs8: key.export({ format: "der", type: "pkcs8" }),
  sign: (message) => sign("sha256", message, key),
});
