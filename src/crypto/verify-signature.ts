import { createHash } from "node:crypto";
import { findTrustedPath } from "./chain.ts";
import { checkCms } from "./cms-verify.ts";
import { checkRevocation, type RevocationSources } from "./revocation.ts";
import type { RevocationEvidence, SignatureProblem, SignatureReport } from "./signature-report.ts";
import { type Certificate, parseCertificate } from "./x509.ts";
import { checkXmlContainer, isXmlContainer } from "./xml-container.ts";

const CLOCK_SKEW_MS = 5 * 60_000;

export interface SignatureQuestion {
  /** CMS in DER, or an XML signature as text. */
  readonly container: Uint8Array;
  readonly content: Uint8Array;
  /** The moment of the check. */
  readonly at: Date;
  /** When the certificate must be valid, beside the stated signing time; `at` when absent. */
  readonly validAt?: Date;
  /** Refuse a container without signingCertificateV2; true when absent. */
  readonly requireCades?: boolean;
  /** False leaves revocation out, for a look at a container before it is accepted; true when absent. */
  readonly checkRevocation?: boolean;
  /** See RevocationQuestion; 0 when absent. */
  readonly toleratedAgeMs?: number;
}

export interface TrustAnchors {
  /** Trusted roots in DER. */
  readonly roots: readonly Uint8Array[];
  /** Known intermediate authorities, for containers that carry only the signer's certificate. */
  readonly intermediates?: readonly Uint8Array[];
}

export interface CertificateQuestion {
  readonly certificateDer: Uint8Array;
  /** The moment of the check. */
  readonly at: Date;
  /** When the certificate must be valid; `at` when absent. */
  readonly validAt?: Date;
  /** When the certificate is said to have signed; it must have been valid then too. */
  readonly signingTime?: Date;
  /** Certificates that came along; not trusted by themselves. */
  readonly others?: readonly Uint8Array[];
  /** False leaves revocation out; true when absent. */
  readonly checkRevocation?: boolean;
  /** See RevocationQuestion; 0 when absent. */
  readonly toleratedAgeMs?: number;
}

/** Whether a certificate may be relied on: its dates, a path to a root, and revocation of every certificate below it. */
export interface CertificateReport {
  readonly valid: boolean;
  readonly problems: readonly SignatureProblem[];
  /** From the certificate to the trusted root, in DER; empty when no path was found. */
  readonly path: readonly Uint8Array[];
  readonly revocation: readonly RevocationEvidence[];
}

/** The whole check of a signature: container, content, value, dates, path to a root, revocation. */
export async function verifySignature(
  question: SignatureQuestion,
  anchors: TrustAnchors,
  sources: RevocationSources,
): Promise<SignatureReport> {
  const { at, container, content, requireCades = true } = question;
  const isXml = isXmlContainer(container);
  const { problems, signer, certificate, certificates } = isXml
    ? checkXmlContainer(container, content)
    : checkCms(container, content, { requireCades });

  if (!signer || !certificate) return { valid: false, problems, checkedAt: at, path: [], revocation: [] };
  const { signingTime } = signer;
  const others = certificates.filter((other) => other !== certificate).map(({ der }) => der);
  const asked = { ...question, certificateDer: certificate.der, others, signingTime };
  const trust = await verifyCertificate(asked, anchors, sources);
  return {
    valid: problems.length === 0 && trust.valid,
    problems: [...problems, ...trust.problems],
    checkedAt: at,
    ...(signingTime && { signingTime }),
    sigFormat: isXml ? "application/signature+xml" : "application/pkcs7-signature",
    algorithm: signer.algorithm,
    digest: signer.digest,
    // a copy: a report must not keep the whole container alive
    certificateDer: Uint8Array.from(certificate.der),
    imprint: imprintOf(certificate, signer.signedAttributes ?? content),
    path: trust.path,
    revocation: trust.revocation,
  };
}

// of what the signature can't be without: its value may be written, and for ECDSA and GOST also computed, in another way
const imprintOf = ({ der }: Certificate, covered: Uint8Array): string =>
  createHash("sha256").update(der).update(covered).digest("hex");

/** Checks a certificate alone, as for a sign-in or an XML signature. An unreadable one throws `bad-encoding`. */
export async function verifyCertificate(
  question: CertificateQuestion,
  anchors: TrustAnchors,
  sources: RevocationSources,
): Promise<CertificateReport> {
  const certificate = parseCertificate(question.certificateDer);
  const validAt = question.validAt ?? question.at;
  const problems = dateProblems(certificate, validAt, question.signingTime);
  const found = await findTrustedPath({
    leaf: certificate,
    others: [...(question.others ?? []), ...(anchors.intermediates ?? [])].map((other) =>
      parseCertificate(other),
    ),
    roots: anchors.roots.map((root) => parseCertificate(root)),
    // dates of the certificate itself are reported apart
    at: within(validAt, certificate),
  });
  if ("refused" in found) {
    problems.push({ code: "not-trusted", detail: found.refused });
    return { valid: false, problems, path: [], revocation: [] };
  }
  const path = found.path.map(({ der }) => Uint8Array.from(der));
  if (question.checkRevocation === false)
    return { valid: problems.length === 0, problems, path, revocation: [] };
  const revocation = await checkPathRevocation(found.path, question, sources);
  problems.push(...revocation.problems);
  return { valid: problems.length === 0, problems, path, revocation: revocation.evidence };
}

function dateProblems(certificate: Certificate, at: Date, signingTime: Date | undefined): SignatureProblem[] {
  const problems: SignatureProblem[] = [];
  if (signingTime && signingTime.getTime() > at.getTime() + CLOCK_SKEW_MS) {
    problems.push({ code: "format", detail: "the signing time lies in the future" });
  }
  const covers = (time: Date) => certificate.notBefore <= time && time <= certificate.notAfter;
  if (!covers(at) || (signingTime && !covers(signingTime))) {
    problems.push({ code: "expired-when-signed", detail: "the certificate was not valid when it signed" });
  }
  return problems;
}

function within(at: Date, { notBefore, notAfter }: Certificate): Date {
  return new Date(Math.min(Math.max(at.getTime(), notBefore.getTime()), notAfter.getTime()));
}

async function checkPathRevocation(
  path: readonly Certificate[],
  { at, toleratedAgeMs }: CertificateQuestion,
  sources: RevocationSources,
): Promise<{ problems: SignatureProblem[]; evidence: RevocationEvidence[] }> {
  const problems: SignatureProblem[] = [];
  const evidence: RevocationEvidence[] = [];
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    if (!issuer) break;
    const outcome = await checkRevocation({ certificate, issuer, at, toleratedAgeMs }, sources);
    if ("unknown" in outcome) problems.push({ code: "revocation-unknown", detail: outcome.unknown });
    else {
      evidence.push(outcome.evidence);
      if (outcome.evidence.status === "revoked") problems.push(revokedProblem(index));
    }
  }
  return { problems, evidence };
}

function revokedProblem(index: number): SignatureProblem {
  return index === 0
    ? { code: "revoked", detail: "the signer's certificate is revoked" }
    : { code: "ca-revoked", detail: "a certificate of an issuing authority is revoked" };
}
