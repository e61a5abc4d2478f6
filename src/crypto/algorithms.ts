import { createHash } from "node:crypto";
import { derNull, derOid, derSequence } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { streebog256, streebog512 } from "./streebog.ts";

export const DIGEST_OIDS = {
  "streebog-256": "1.2.643.7.1.1.2.2",
  "streebog-512": "1.2.643.7.1.1.2.3",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
} as const;

export type DigestName = keyof typeof DIGEST_OIDS;
export type KeyFamily = "gost" | "rsa" | "ec";

interface SignatureScheme {
  readonly family: KeyFamily;
  readonly digest: DigestName;
  readonly oid: string;
}

export const SIGNATURE_SCHEMES = {
  "gost-256": { family: "gost", digest: "streebog-256", oid: "1.2.643.7.1.1.3.2" },
  "gost-512": { family: "gost", digest: "streebog-512", oid: "1.2.643.7.1.1.3.3" },
  "rsa-sha256": { family: "rsa", digest: "sha256", oid: "1.2.840.113549.1.1.11" },
  "rsa-sha384": { family: "rsa", digest: "sha384", oid: "1.2.840.113549.1.1.12" },
  "rsa-sha512": { family: "rsa", digest: "sha512", oid: "1.2.840.113549.1.1.13" },
  "ecdsa-sha256": { family: "ec", digest: "sha256", oid: "1.2.840.10045.4.3.2" },
  "ecdsa-sha384": { family: "ec", digest: "sha384", oid: "1.2.840.10045.4.3.3" },
  "ecdsa-sha512": { family: "ec", digest: "sha512", oid: "1.2.840.10045.4.3.4" },
} as const satisfies Record<string, SignatureScheme>;

export type SignatureAlgorithm = keyof typeof SIGNATURE_SCHEMES;

export const KEY_OIDS = {
  gost256: "1.2.643.7.1.1.1.1",
  gost512: "1.2.643.7.1.1.1.2",
  rsa: "1.2.840.113549.1.1.1",
  ec: "1.2.840.10045.2.1",
} as const;

const FAMILY_BY_KEY_OID: Record<string, KeyFamily> = {
  [KEY_OIDS.gost256]: "gost",
  [KEY_OIDS.gost512]: "gost",
  [KEY_OIDS.rsa]: "rsa",
  [KEY_OIDS.ec]: "ec",
};

const digestByOid = new Map(
  Object.entries(DIGEST_OIDS).map(([name, oid]) => [oid as string, name as DigestName]),
);
const schemes = Object.entries(SIGNATURE_SCHEMES) as [SignatureAlgorithm, SignatureScheme][];

/** The digest of `input` by name. */
export function digestOf(name: DigestName, input: Uint8Array): Uint8Array {
  if (name === "streebog-256") return streebog256(input);
  if (name === "streebog-512") return streebog512(input);
  return createHash(name).update(input).digest();
}

/** The digest that an object identifier names; SHA-1 and other broken or foreign ones throw `unsupported-algorithm`. */
export function digestNameOf(oid: string): DigestName {
  const name = digestByOid.get(oid);
  if (!name) throw new CryptoError("unsupported-algorithm", `digest ${oid} is not accepted`);
  return name;
}

/**
 * The algorithm behind a `signatureAlgorithm` field. CMS tools write either the signature's identifier or that of the
 * key; the latter needs the digest beside it. Throws `unsupported-algorithm`.
 */
export function signatureAlgorithmOf(oid: string, digest?: DigestName): SignatureAlgorithm {
  const family = FAMILY_BY_KEY_OID[oid];
  const found = schemes.find(([, scheme]) =>
    family ? scheme.family === family && scheme.digest === digest : scheme.oid === oid,
  );
  if (!found) throw new CryptoError("unsupported-algorithm", `signature algorithm ${oid} is not accepted`);
  return found[0];
}

/** AlgorithmIdentifier of a signature: RSA carries NULL parameters, GOST and ECDSA none (RFC 9215, RFC 5758). */
export function signatureAlgorithmIdentifier(algorithm: SignatureAlgorithm): Uint8Array {
  const { oid, family } = SIGNATURE_SCHEMES[algorithm];
  return derSequence(derOid(oid), family === "rsa" ? derNull() : undefined);
}
