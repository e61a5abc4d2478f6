import { findTrustedPath } from "./chain.ts";
import { checkCms } from "./cms-verify.ts";
import { checkRevocation, type FetchRevocation } from "./revocation.ts";
import type { RevocationEvidence, SignatureProblem, SignatureReport } from "./signature-report.ts";
import { type Certificate, parseCertificate } from "./x509.ts";

const CLOCK_SKEW_MS = 5 * 60_000;

export interface SignatureQuestion {
  readonly cms: Uint8Array;
  readonly content: Uint8Array;
  /** The moment of the check; the certificate must be valid now as well as at the stated signing time. */
  readonly at: Date;
  /** Refuse a container without signingCertificateV2; true when absent. */
  readonly requireCades?: boolean;
  /** False leaves revocation out, for a look at a container before it is accepted; true when absent. */
  readonly checkRevocation?: boolean;
}

export interface TrustAnchors {
  /** Trusted roots in DER. */
  readonly roots: readonly Uint8Array[];
  /** Known intermediate authorities, for containers that carry only the signer's certificate. */
  readonly intermediates?: readonly Uint8Array[];
}

/** The whole check of a detached signature: container, content, value, dates, path to a root, revocation. */
export async function verifySignature(
  question: SignatureQuestion,
  anchors: TrustAnchors,
  fetchRevocation: FetchRevocation,
): Promise<SignatureReport> {
  const { at, requireCades = true } = question;
  const check = checkCms(question.cms, question.content, { requireCades });
  const problems: SignatureProblem[] = [...check.problems];
  const { signer, certificate } = check;
  const known = { checkedAt: at, path: [], revocation: [] };
  if (!signer || !certificate) return { ...known, valid: false, problems };
  problems.push(...dateProblems(certificate, at, signer.signingTime));
  const trust = await checkTrust({
    question,
    anchors,
    fetchRevocation,
    certificate,
    others: check.certificates,
  });
  problems.push(...trust.problems);
  return {
    valid: problems.length === 0,
    problems,
    checkedAt: at,
    ...(signer.signingTime && { signingTime: signer.signingTime }),
    algorithm: signer.algorithm,
    digest: signer.digest,
    // copies: a report must not keep the whole container alive
    certificateDer: Uint8Array.from(certificate.der),
    path: trust.path.map(({ der }) => Uint8Array.from(der)),
    revocation: trust.revocation,
  };
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

interface TrustQuestion {
  readonly question: SignatureQuestion;
  readonly anchors: TrustAnchors;
  readonly fetchRevocation: FetchRevocation;
  readonly certificate: Certificate;
  readonly others: readonly Certificate[];
}

interface Trust {
  readonly problems: readonly SignatureProblem[];
  readonly path: readonly Certificate[];
  readonly revocation: readonly RevocationEvidence[];
}

async function checkTrust({
  question,
  anchors,
  fetchRevocation,
  certificate,
  others,
}: TrustQuestion): Promise<Trust> {
  const found = await findTrustedPath({
    leaf: certificate,
    others: [
      ...others.filter((other) => other !== certificate),
      ...(anchors.intermediates ?? []).map(parseCertificate),
    ],
    roots: anchors.roots.map((root) => parseCertificate(root)),
    // dates of the signer's own certificate are reported apart
    at: within(question.at, certificate),
  });
  if ("refused" in found) {
    return { problems: [{ code: "not-trusted", detail: found.refused }], path: [], revocation: [] };
  }
  if (question.checkRevocation === false) return { problems: [], path: found.path, revocation: [] };
  return { path: found.path, ...(await checkPathRevocation(found.path, question.at, fetchRevocation)) };
}

function within(at: Date, { notBefore, notAfter }: Certificate): Date {
  return new Date(Math.min(Math.max(at.getTime(), notBefore.getTime()), notAfter.getTime()));
}

async function checkPathRevocation(
  path: readonly Certificate[],
  at: Date,
  fetchRevocation: FetchRevocation,
): Promise<Omit<Trust, "path">> {
  const problems: SignatureProblem[] = [];
  const revocation: RevocationEvidence[] = [];
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    if (!issuer) break;
    const outcome = await checkRevocation(certificate, issuer, at, fetchRevocation);
    if ("unknown" in outcome) problems.push({ code: "revocation-unknown", detail: outcome.unknown });
    else {
      revocation.push(outcome.evidence);
      if (outcome.evidence.status === "revoked") problems.push(revokedProblem(index));
    }
  }
  return { problems, revocation };
}

function revokedProblem(index: number): SignatureProblem {
  return index === 0
    ? { code: "revoked", detail: "the signer's certificate is revoked" }
    : { code: "ca-revoked", detail: "a certificate of an issuing authority is revoked" };
}
