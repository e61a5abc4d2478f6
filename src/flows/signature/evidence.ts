import type { Evidence } from "../../store/signature-evidence.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { SignatureTerms } from "./terms.ts";
import type { Verdict } from "./verdict.ts";

/** A judged container; without a container it is the one that waits. */
export interface Judged {
  verdict: Verdict;
  container: Uint8Array;
}

/** What an auditor needs to repeat the check: certificate, path, revocation answers, times, and the container itself. */
export function evidenceOf(kept: KeptSignature, { verdict, container }: Judged, at: number): Evidence {
  const { report, outcome, problems, level } = verdict;
  const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");
  return {
    at,
    verdict: outcome,
    imprint: report.imprint,
    report: {
      problems,
      level,
      submittedAt: kept.submittedAt,
      signingTime: report.signingTime,
      algorithm: report.algorithm,
      digest: report.digest,
      certificate: report.certificateDer && base64(report.certificateDer),
      path: report.path.map(base64),
      revocation: report.revocation,
      powerOfAttorney: (kept.terms as SignatureTerms).powerOfAttorney,
      container: base64(container),
    },
  };
}
