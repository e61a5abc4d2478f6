import { signatureAlgorithmOf } from "./algorithms.ts";
import {
  childrenOf,
  type DerElement,
  expectTag,
  readBitString,
  readDer,
  readOid,
  readTime,
} from "./der-read.ts";
import { TAG } from "./der-write.ts";
import { type DistinguishedName, parseName } from "./distinguished-name.ts";
import { CryptoError } from "./errors.ts";
import { type PublicKey, parsePublicKey } from "./keys.ts";
import { verifyKnown } from "./known-signatures.ts";
import { derFromPem } from "./pem.ts";

export const EXTENSION_OIDS = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  crlReason: "2.5.29.21",
  crlDistributionPoints: "2.5.29.31",
  certificatePolicies: "2.5.29.32",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
} as const;

export const OCSP_ACCESS_OID = "1.3.6.1.5.5.7.48.1";

/** In the order of the bits of KeyUsage (RFC 5280 section 4.2.1.3). */
export const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

export interface CertificateExtension {
  readonly critical: boolean;
  /** The content of extnValue. */
  readonly value: Uint8Array;
}

export interface Certificate {
  readonly der: Uint8Array;
  /** What the issuer signed. */
  readonly tbs: Uint8Array;
  /** Unsigned hex in lower case, without leading zero bytes. */
  readonly serialNumber: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly spki: Uint8Array;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
}

/** Reads a certificate from DER or PEM; throws `bad-encoding`. The key and the signature are not checked here. */
export function parseCertificate(source: Uint8Array | string): Certificate {
  const der = typeof source === "string" ? derFromPem(source, "CERTIFICATE") : source;
  const [tbs, algorithm, signature] = childrenOf(readDer(der, TAG.sequence));
  const fields = childrenOf(expectTag(tbs, TAG.sequence));
  // version 1 has no [0]; serial, signature, issuer, validity, subject and key follow in any version
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [serial, , issuer, validity, subject, spki, ...rest] = fields;
  const [notBefore, notAfter] = childrenOf(expectTag(validity, TAG.sequence));
  const extensions = rest.find(({ tag }) => tag === 0xa3);
  return {
    der,
    tbs: tbs?.bytes ?? new Uint8Array(),
    serialNumber: serialHex(serial),
    issuer: parseName(expectTag(issuer, TAG.sequence)),
    subject: parseName(expectTag(subject, TAG.sequence)),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    spki: expectTag(spki, TAG.sequence).bytes,
    signatureOid: readOid(childrenOf(expectTag(algorithm, TAG.sequence))[0]),
    signature: readBitString(signature),
    extensions: extensions ? readExtensions(readDer(extensions.content, TAG.sequence)) : new Map(),
  };
}

/** The hex form of a serial number that certificates, CRLs and OCSP are compared by. */
export function serialHex(serial: DerElement | undefined): string {
  const hex = Buffer.from(expectTag(serial, TAG.integer).content).toString("hex");
  return hex.replace(/^(00)+(?=..)/, "");
}

/** Reads an Extensions sequence. */
export function readExtensions(list: DerElement): Map<string, CertificateExtension> {
  const out = new Map<string, CertificateExtension>();
  for (const extension of childrenOf(list)) {
    const [oid, ...rest] = childrenOf(extension);
    const value = rest.at(-1);
    const name = readOid(oid);
    if (out.has(name)) throw new CryptoError("bad-encoding", `extension ${name} is repeated`);
    const critical = rest.length === 2 && rest[0]?.content[0] === 0xff;
    out.set(name, { critical, value: expectTag(value, TAG.octetString).content });
  }
  return out;
}

/** The certificate's key; throws `bad-key` or `unsupported-algorithm`. */
export function certificatePublicKey(certificate: Certificate): PublicKey {
  return parsePublicKey(certificate.spki);
}

/** Whether `issuer` signed `certificate`; says nothing of dates, names or rights. Throws `unsupported-algorithm`. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const algorithm = signatureAlgorithmOf(certificate.signatureOid);
  const { tbs: message, signature } = certificate;
  return verifyKnown({ spki: issuer.spki, algorithm, message, signature });
}

/** What the key may be used for; undefined when the certificate does not say. */
export function keyUsagesOf(certificate: Certificate): ReadonlySet<KeyUsage> | undefined {
  const extension = certificate.extensions.get(EXTENSION_OIDS.keyUsage);
  if (!extension) return undefined;
  const bits = readDer(extension.value, TAG.bitString).content.subarray(1);
  return new Set(KEY_USAGES.filter((_, index) => ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0));
}

/** Whether basicConstraints calls this certificate an authority. */
export function isAuthority(certificate: Certificate): boolean {
  const extension = certificate.extensions.get(EXTENSION_OIDS.basicConstraints);
  if (!extension) return false;
  const [first] = childrenOf(readDer(extension.value, TAG.sequence));
  return first?.tag === TAG.boolean && first.content[0] === 0xff;
}

/** Where the certificate says its revocation state can be asked. They come from the sender: never fetch unlisted hosts. */
export function revocationUrlsOf(certificate: Certificate): { ocsp: string[]; crl: string[] } {
  const access = certificate.extensions.get(EXTENSION_OIDS.authorityInfoAccess);
  const points = certificate.extensions.get(EXTENSION_OIDS.crlDistributionPoints);
  const ocsp = (access ? childrenOf(readDer(access.value, TAG.sequence)) : []).flatMap((description) => {
    const [method, location] = childrenOf(description);
    return readOid(method) === OCSP_ACCESS_OID && location ? uriOf(location) : [];
  });
  const crl = (points ? childrenOf(readDer(points.value, TAG.sequence)) : [])
    .flatMap(childrenOf)
    .filter(({ tag }) => tag === 0xa0)
    .flatMap(childrenOf)
    .filter(({ tag }) => tag === 0xa0)
    .flatMap(childrenOf)
    .flatMap(uriOf);
  return { ocsp, crl };
}

// GeneralName: uniformResourceIdentifier [6]
function uriOf(name: DerElement): string[] {
  return name.tag === 0x86 ? [Buffer.from(name.content).toString("latin1")] : [];
}
