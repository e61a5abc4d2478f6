import { timingSafeEqual } from "node:crypto";
import { type DigestName, digestOf } from "./algorithms.ts";
import { type CmsSignedData, type CmsSigner, parseCms } from "./cms-read.ts";
import {
  type ContainerCheck,
  problem,
  readable,
  readableCertificates,
  usageProblems,
} from "./container-check.ts";
import { readDer } from "./der-read.ts";
import { CryptoError } from "./errors.ts";
import { verifyMessage } from "./keys.ts";
import type { SignatureProblem } from "./signature-report.ts";
import { type Certificate, certificatePublicKey, EXTENSION_OIDS } from "./x509.ts";

interface CmsCheck extends ContainerCheck {
  readonly signer?: CmsSigner;
}

export interface CmsCheckOptions {
  /** Refuse a signature that doesn't name its certificate in signingCertificateV2, as CAdES-BES requires. */
  readonly requireCades?: boolean;
  /** Certificates that may be the signer's when the container carries none. */
  readonly candidates?: readonly Uint8Array[];
}

/** Checks the container alone: one signer, digest, value, its certificate's key and use. Trust is `checkTrust`'s part. */
export function checkCms(cms: Uint8Array, content: Uint8Array, options: CmsCheckOptions = {}): CmsCheck {
  let data: CmsSignedData;
  try {
    data = parseCms(cms);
  } catch (error) {
    if (error instanceof CryptoError)
      return { problems: [problem("format", error.message)], certificates: [] };
    throw error;
  }
  const certificates = readableCertificates([...data.certificates, ...(options.candidates ?? [])]);
  const [signer, another] = data.signers;
  if (!signer) return { problems: [problem("format", "no signer in the container")], certificates };
  if (another) {
    const detail = `${data.signers.length} signers in one container`;
    return { problems: [problem("several-certificates", detail)], certificates };
  }
  const certificate = certificates.find(
    (candidate) => readable(() => isSignerCertificate(candidate, signer)) === true,
  );
  const problems = [
    ...contentProblems(data, signer, content),
    ...(certificate
      ? certificateProblems(certificate, signer, options)
      : [problem("certificate", "the signer's certificate is not in the container")]),
    ...(certificate ? valueProblems(certificate, signer, content) : []),
  ];
  return { problems, signer, certificates, ...(certificate && { certificate }) };
}

function isSignerCertificate(certificate: Certificate, { certificateId }: CmsSigner): boolean {
  if ("keyIdentifier" in certificateId) {
    const extension = certificate.extensions.get(EXTENSION_OIDS.subjectKeyIdentifier);
    return (
      Buffer.from(extension ? readDer(extension.value).content : []).toString("hex") ===
      certificateId.keyIdentifier
    );
  }
  return (
    certificate.serialNumber === certificateId.serialNumber &&
    Buffer.compare(certificate.issuer.der, certificateId.issuer) === 0
  );
}

function contentProblems(data: CmsSignedData, signer: CmsSigner, content: Uint8Array): SignatureProblem[] {
  if (data.content && Buffer.compare(data.content, content) !== 0) {
    return [problem("content-differs", "the container holds another content")];
  }
  if (!signer.messageDigest || sameDigest(signer.digest, content, signer.messageDigest)) return [];
  return [problem("content-differs", "the digest of the content is not the signed one")];
}

function sameDigest(digest: DigestName, content: Uint8Array, expected: Uint8Array): boolean {
  const actual = digestOf(digest, content);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function certificateProblems(
  certificate: Certificate,
  signer: CmsSigner,
  { requireCades = false }: CmsCheckOptions,
): SignatureProblem[] {
  const problems: SignatureProblem[] = [];
  const named = signer.certificateDigest;
  if (!named && requireCades) problems.push(problem("format", "signingCertificateV2 is absent"));
  if (named && !sameDigest(named.digest, certificate.der, named.value)) {
    problems.push(problem("certificate", "signingCertificateV2 names another certificate"));
  }
  problems.push(...usageProblems(certificate));
  return problems;
}

function valueProblems(certificate: Certificate, signer: CmsSigner, content: Uint8Array): SignatureProblem[] {
  const key = readable(() => certificatePublicKey(certificate));
  if (key === "unreadable") return [problem("certificate", "the certificate's key is not accepted")];
  const covered = signer.signedAttributes ?? content;
  return verifyMessage(key, signer.algorithm, covered, signer.signature)
    ? []
    : [problem("value", "the signature value does not verify")];
}
