import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { KEY_OIDS, type KeyFamily, SIGNATURE_SCHEMES, type SignatureAlgorithm } from "./algorithms.ts";
import {
  childrenOf,
  type DerElement,
  expectTag,
  readBitString,
  readDer,
  readInteger,
  readOid,
} from "./der-read.ts";
import { derBitString, derInteger, derOctets, derOid, derSequence, TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { type GostCurve, type GostCurveName, gostCurve } from "./gost-curves.ts";
import {
  bytesFromInteger,
  decodeGostPoint,
  encodeGostPoint,
  type GostPrivateKey,
  type GostPublicKey,
  generateGostPrivateKey,
  gostPrivateKey,
  gostPublicKeyOf,
  integerFromLittleEndian,
  signGost,
  verifyGost,
} from "./gost-signature.ts";
import { derFromPem } from "./pem.ts";

export type PublicKey = { family: "gost"; key: GostPublicKey } | { family: "rsa" | "ec"; key: KeyObject };
export type PrivateKey = { family: "gost"; key: GostPrivateKey } | { family: "rsa" | "ec"; key: KeyObject };
export type KeyKind = GostCurveName | "rsa-2048" | "p-256";

const MIN_RSA_BITS = 2048;
const EC_CURVES = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/** A fresh key: a GOST parameter set by name, RSA of 2048 bits or P-256. */
export function generatePrivateKey(kind: KeyKind): PrivateKey {
  if (kind === "rsa-2048") {
    return { family: "rsa", key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey };
  }
  if (kind === "p-256") {
    return { family: "ec", key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey };
  }
  return { family: "gost", key: generateGostPrivateKey(gostCurve(kind)) };
}

/** The public half. */
export function publicKeyOf(key: PrivateKey): PublicKey {
  if (key.family === "gost") return { family: "gost", key: gostPublicKeyOf(key.key) };
  return { family: key.family, key: createPublicKey(key.key) };
}

/** Reads SubjectPublicKeyInfo. Weak RSA (under 2048 bits), foreign curves and points off the curve throw `bad-key`. */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  const [algorithm, bits] = childrenOf(readDer(spki, TAG.sequence));
  const parameters = gostParameters(algorithm);
  if (parameters) {
    const point = readDer(readBitString(bits), TAG.octetString).content;
    return { family: "gost", key: decodeGostPoint(parameters, point) };
  }
  return checkedNodeKey(() => createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }));
}

/** SubjectPublicKeyInfo; GOST in the form of RFC 9215. */
export function publicKeyToSpki(key: PublicKey): Uint8Array {
  if (key.family !== "gost") return key.key.export({ format: "der", type: "spki" });
  return derSequence(gostKeyAlgorithm(key.key.curve), derBitString(derOctets(encodeGostPoint(key.key))));
}

/** Reads PKCS#8 (DER or PEM) without a password; all three spellings of a GOST key are accepted. Throws `bad-key`. */
export function parsePrivateKey(pkcs8: Uint8Array | string): PrivateKey {
  const der = typeof pkcs8 === "string" ? derFromPem(pkcs8, "PRIVATE KEY") : pkcs8;
  const [, algorithm, secret] = childrenOf(readDer(der, TAG.sequence));
  const curve = gostParameters(algorithm);
  if (curve) return { family: "gost", key: gostPrivateKey(curve, gostScalar(curve, secret)) };
  return checkedNodeKey(() => createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" }));
}

/** PKCS#8 without a password; a GOST key as raw little-endian bytes, the way OpenSSL's engine writes it. */
export function privateKeyToPkcs8(key: PrivateKey): Uint8Array {
  if (key.family !== "gost") return key.key.export({ format: "der", type: "pkcs8" });
  const { curve, scalar } = key.key;
  const secret = bytesFromInteger(scalar, curve.size).reverse();
  return derSequence(derInteger(0), gostKeyAlgorithm(curve), derOctets(secret));
}

/** The natural algorithm of a key: Streebog of the key's size for GOST, SHA-256 for the others. */
export function defaultAlgorithmOf(key: PrivateKey): SignatureAlgorithm {
  if (key.family === "gost") return key.key.curve.size === 32 ? "gost-256" : "gost-512";
  return key.family === "rsa" ? "rsa-sha256" : "ecdsa-sha256";
}

/** Signs `message`: s || r for GOST, PKCS#1 v1.5 for RSA, a DER Ecdsa-Sig-Value for ECDSA. */
export function signMessage(key: PrivateKey, algorithm: SignatureAlgorithm, message: Uint8Array): Uint8Array {
  const scheme = SIGNATURE_SCHEMES[algorithm];
  if (!fits(key.family, algorithm, key.family === "gost" ? key.key.curve : undefined)) {
    throw new CryptoError("bad-key", `the key does not fit ${algorithm}`);
  }
  return key.family === "gost" ? signGost(key.key, message) : sign(scheme.digest, message, key.key);
}

/** Checks a signature made as `signMessage` makes it; a key of another family is `false`. */
export function verifyMessage(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!fits(key.family, algorithm, key.family === "gost" ? key.key.curve : undefined)) return false;
  if (key.family === "gost") return verifyGost(key.key, message, signature);
  return verify(SIGNATURE_SCHEMES[algorithm].digest, message, key.key, signature);
}

function fits(family: KeyFamily, algorithm: SignatureAlgorithm, curve: GostCurve | undefined): boolean {
  if (SIGNATURE_SCHEMES[algorithm].family !== family) return false;
  return !curve || algorithm === (curve.size === 32 ? "gost-256" : "gost-512");
}

function gostParameters(algorithm: DerElement | undefined): GostCurve | undefined {
  const [oid, parameters] = childrenOf(expectTag(algorithm, TAG.sequence));
  const keyOid = readOid(oid);
  if (keyOid !== KEY_OIDS.gost256 && keyOid !== KEY_OIDS.gost512) return undefined;
  // a digest identifier may follow the parameter set; it adds nothing that the key's size does not say
  const curve = gostCurve(readOid(childrenOf(expectTag(parameters, TAG.sequence))[0]));
  if (curve.size !== (keyOid === KEY_OIDS.gost256 ? 32 : 64)) {
    throw new CryptoError("bad-key", "GOST parameter set does not fit the key's algorithm");
  }
  return curve;
}

// RFC 9215 section 4.2: the digest is named for the older CryptoPro sets only
function gostKeyAlgorithm(curve: GostCurve): Uint8Array {
  const keyOid = derOid(curve.size === 32 ? KEY_OIDS.gost256 : KEY_OIDS.gost512);
  const digest = curve.oid.startsWith("1.2.643.2.2.") ? derOid("1.2.643.7.1.1.2.2") : undefined;
  return derSequence(keyOid, derSequence(derOid(curve.oid), digest));
}

function gostScalar(curve: GostCurve, secret: DerElement | undefined): bigint {
  const { content } = expectTag(secret, TAG.octetString);
  if (content.length === curve.size) return integerFromLittleEndian(content);
  const inner = readDer(content);
  if (inner.tag === TAG.integer) return readInteger(inner);
  const raw = expectTag(inner, TAG.octetString).content;
  if (raw.length !== curve.size) throw new CryptoError("bad-key", "GOST private key has a wrong length");
  return integerFromLittleEndian(raw);
}

function checkedNodeKey(read: () => KeyObject): { family: "rsa" | "ec"; key: KeyObject } {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new CryptoError("bad-key", "key is not readable", { cause });
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" && (details?.modulusLength ?? 0) >= MIN_RSA_BITS) return { family: "rsa", key };
  if (type === "ec" && EC_CURVES.has(details?.namedCurve ?? "")) return { family: "ec", key };
  throw new CryptoError(
    "bad-key",
    "only RSA of 2048 bits or more, P-256, P-384, P-521 and GOST keys are accepted",
  );
}
