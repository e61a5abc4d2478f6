import { DIGEST_OIDS, digestOf, KEY_OIDS, SIGNATURE_SCHEMES, type SignatureAlgorithm } from "./algorithms.ts";
import { readDer } from "./der-read.ts";
import {
  derContext,
  derElement,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
} from "./der-write.ts";
import type { Signer } from "./signer.ts";
import { type Certificate, parseCertificate } from "./x509.ts";

export const CMS_OIDS = {
  data: "1.2.840.113549.1.7.1",
  signedData: "1.2.840.113549.1.7.2",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  signingTime: "1.2.840.113549.1.9.5",
  signingCertificateV2: "1.2.840.113549.1.9.16.2.47",
} as const;

export interface CmsSigningOptions {
  readonly signingTime: Date;
  /** Certificates of the issuing authorities that travel beside the signer's own. */
  readonly chain?: readonly Uint8Array[];
}

/** A detached CAdES-BES signature over `content`: CMS SignedData in DER with one signer, the content left out. */
export async function signDetached(
  signer: Signer,
  content: Uint8Array,
  options: CmsSigningOptions,
): Promise<Uint8Array> {
  const { digest } = SIGNATURE_SCHEMES[signer.algorithm];
  return signDetachedDigest(signer, digestOf(digest, content), options);
}

/** The same when only the content's digest is at hand; it must be made with the digest of the signer's algorithm. */
export async function signDetachedDigest(
  signer: Signer,
  contentDigest: Uint8Array,
  { signingTime, chain = [] }: CmsSigningOptions,
): Promise<Uint8Array> {
  const certificate = parseCertificate(signer.certificateDer);
  const digestAlgorithm = derSequence(derOid(DIGEST_OIDS[SIGNATURE_SCHEMES[signer.algorithm].digest]));
  const signedAttributes = derSet(
    attribute(CMS_OIDS.contentType, derOid(CMS_OIDS.data)),
    attribute(CMS_OIDS.messageDigest, derOctets(contentDigest)),
    attribute(CMS_OIDS.signingTime, derTime(signingTime)),
    attribute(CMS_OIDS.signingCertificateV2, signingCertificate(certificate, signer.algorithm)),
  );
  const signerInfo = derSequence(
    derInteger(1),
    issuerAndSerial(certificate),
    digestAlgorithm,
    derElement(0xa0, readDer(signedAttributes).content),
    cmsSignatureAlgorithm(signer.algorithm),
    derOctets(await signer.sign(signedAttributes)),
  );
  const signedData = derSequence(
    derInteger(1),
    derSet(digestAlgorithm),
    derSequence(derOid(CMS_OIDS.data)),
    derContext(0, signer.certificateDer, ...chain),
    derSet(signerInfo),
  );
  return derSequence(derOid(CMS_OIDS.signedData), derContext(0, signedData));
}

function attribute(oid: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), derSet(value));
}

function serialNumber(certificate: Certificate): Uint8Array {
  return derInteger(BigInt(`0x${certificate.serialNumber}`));
}

function issuerAndSerial(certificate: Certificate): Uint8Array {
  return derSequence(certificate.issuer.der, serialNumber(certificate));
}

// RFC 5035: ESSCertIDv2 with the issuer as a directoryName; SHA-256 is the default and is left out
function signingCertificate(certificate: Certificate, algorithm: SignatureAlgorithm): Uint8Array {
  const { digest } = SIGNATURE_SCHEMES[algorithm];
  const issuerSerial = derSequence(
    derSequence(derContext(4, certificate.issuer.der)),
    serialNumber(certificate),
  );
  const id = derSequence(
    digest === "sha256" ? undefined : derSequence(derOid(DIGEST_OIDS[digest])),
    derOctets(digestOf(digest, certificate.der)),
    issuerSerial,
  );
  return derSequence(derSequence(id));
}

// OpenSSL and the samples of TC26 name the key here, not the signature
function cmsSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array {
  const { family, oid } = SIGNATURE_SCHEMES[algorithm];
  if (family === "gost")
    return derSequence(derOid(algorithm === "gost-256" ? KEY_OIDS.gost256 : KEY_OIDS.gost512));
  return family === "rsa" ? derSequence(derOid(KEY_OIDS.rsa), derNull()) : derSequence(derOid(oid));
}
