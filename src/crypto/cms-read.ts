import {
  type DigestName,
  digestNameOf,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
} from "./algorithms.ts";
import { CMS_OIDS } from "./cms-sign.ts";
import { berToDer, childrenOf, type DerElement, expectTag, readDer, readOid, readTime } from "./der-read.ts";
import { derElement, TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { serialHex } from "./x509.ts";

export interface CmsSigner {
  /** Names the signer's certificate: issuer (DER) with serial number, or a key identifier in hex. */
  readonly certificateId: { issuer: Uint8Array; serialNumber: string } | { keyIdentifier: string };
  readonly digest: DigestName;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** What the signature covers when there are signed attributes: their SET OF in DER. */
  readonly signedAttributes?: Uint8Array;
  readonly messageDigest?: Uint8Array;
  readonly signingTime?: Date;
  /** The digest of the certificate that the signer names in signingCertificateV2 (CAdES-BES). */
  readonly certificateDigest?: { digest: DigestName; value: Uint8Array };
}

export interface CmsSignedData {
  /** Present when the content travels inside. */
  readonly content?: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  readonly signers: readonly CmsSigner[];
}

/** Reads CMS SignedData (DER, or BER as some tools write it). Throws `bad-encoding` or `unsupported-algorithm`. */
export function parseCms(bytes: Uint8Array): CmsSignedData {
  const [type, wrapped] = childrenOf(readDer(berToDer(bytes), TAG.sequence));
  if (readOid(type) !== CMS_OIDS.signedData)
    throw new CryptoError("bad-encoding", "this is not CMS SignedData");
  const fields = childrenOf(readDer(expectTag(wrapped, 0xa0).content, TAG.sequence));
  const [, , encapsulated, ...rest] = fields;
  const [, content] = childrenOf(expectTag(encapsulated, TAG.sequence));
  const certificates = rest.find(({ tag }) => tag === 0xa0);
  return {
    ...(content && { content: readDer(content.content, TAG.octetString).content }),
    // other certificate formats carry a context tag; only plain X.509 is used
    certificates: (certificates ? childrenOf(certificates) : [])
      .filter(({ tag }) => tag === TAG.sequence)
      .map((certificate) => certificate.bytes),
    signers: childrenOf(expectTag(rest.at(-1), TAG.set)).map(parseSigner),
  };
}

function parseSigner(element: DerElement): CmsSigner {
  const [, certificateId, digestAlgorithm, ...rest] = childrenOf(element);
  const attributes = rest[0]?.tag === 0xa0 ? rest.shift() : undefined;
  const [signatureAlgorithm, signature] = rest;
  const digest = digestNameOf(readOid(childrenOf(expectTag(digestAlgorithm, TAG.sequence))[0]));
  const oid = readOid(childrenOf(expectTag(signatureAlgorithm, TAG.sequence))[0]);
  return {
    certificateId: readCertificateId(certificateId),
    digest,
    algorithm: signatureAlgorithmOf(oid, digest),
    signature: expectTag(signature, TAG.octetString).content,
    ...(attributes && readSignedAttributes(attributes)),
  };
}

function readCertificateId(id: DerElement | undefined): CmsSigner["certificateId"] {
  if (id?.tag === 0x80) return { keyIdentifier: Buffer.from(id.content).toString("hex") };
  const [issuer, serial] = childrenOf(expectTag(id, TAG.sequence));
  return { issuer: expectTag(issuer, TAG.sequence).bytes, serialNumber: serialHex(serial) };
}

function readSignedAttributes(attributes: DerElement): Partial<CmsSigner> {
  const values = new Map<string, DerElement>();
  for (const attribute of childrenOf(attributes)) {
    const [oid, set] = childrenOf(attribute);
    const name = readOid(oid);
    const [value, second] = childrenOf(expectTag(set, TAG.set));
    if (values.has(name)) throw new CryptoError("bad-encoding", `signed attribute ${name} is repeated`);
    if (value && !second) values.set(name, value);
  }
  const messageDigest = expectTag(values.get(CMS_OIDS.messageDigest), TAG.octetString).content;
  // RFC 5652 section 5.3: with signed attributes there must be a content type
  readOid(values.get(CMS_OIDS.contentType));
  const signingTime = values.get(CMS_OIDS.signingTime);
  const named = values.get(CMS_OIDS.signingCertificateV2);
  return {
    signedAttributes: derElement(TAG.set, attributes.content),
    messageDigest,
    ...(signingTime && { signingTime: readTime(signingTime) }),
    ...(named && { certificateDigest: readCertificateDigest(named) }),
  };
}

// RFC 5035: SigningCertificateV2 { certs SEQUENCE OF ESSCertIDv2 { hashAlgorithm DEFAULT sha256, certHash, … } }
function readCertificateDigest(signingCertificate: DerElement): CmsSigner["certificateDigest"] {
  const [certs] = childrenOf(expectTag(signingCertificate, TAG.sequence));
  const [first] = childrenOf(expectTag(certs, TAG.sequence));
  const fields = childrenOf(expectTag(first, TAG.sequence));
  const algorithm = fields[0]?.tag === TAG.sequence ? fields.shift() : undefined;
  return {
    digest: algorithm ? digestNameOf(readOid(childrenOf(algorithm)[0])) : "sha256",
    value: expectTag(fields[0], TAG.octetString).content,
  };
}
