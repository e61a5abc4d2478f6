import { signatureLevels } from "../../access/access-facts.ts";
import { suffices } from "../../access/signature-levels.ts";
import type { SignatureLevel } from "../../core/context.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { snilsDigits } from "../../core/identifiers.ts";
import { childrenOf, readDer, readOid } from "../../crypto/der-read.ts";
import { TAG } from "../../crypto/der-write.ts";
import type { SignatureProblemCode, SignatureReport } from "../../crypto/signature-report.ts";
import { type Certificate, EXTENSION_OIDS, parseCertificate } from "../../crypto/x509.ts";

type Prefixed<Code extends string> = Extract<ErrorCode, `signature-${Code}`>;

/** Causes of a refusal: those of the container and the certificate, then ours. Each has its row in the error table. */
export type RefusalCause =
  | Prefixed<SignatureProblemCode>
  | "signature-owner-mismatch"
  | "signature-level"
  | "signature-power-of-attorney"
  | "signature-algorithm"
  | "signature-spent"
  | "signing-stopped"
  | "certificate-pending";

export interface VerdictProblem {
  code: RefusalCause | "revocation-unknown";
  /** for engineers; holds no personal data */
  detail: string;
}

/** good: in force; unknown: nobody could say whether it is revoked; bad: refused. */
export type VerdictOutcome = "good" | "unknown" | "bad";

export interface Verdict {
  outcome: VerdictOutcome;
  problems: readonly VerdictProblem[];
  level?: SignatureLevel;
  report: SignatureReport;
}

export interface SignerExpectation {
  /** 11 digits */
  snils: string;
  needed: SignatureLevel;
  /** what else stands against the signature, such as a lost key */
  objections: readonly VerdictProblem[];
}

/** Judges a container's report for the person who was to sign; pure. */
export function verdictOf(report: SignatureReport, expected: SignerExpectation): Verdict {
  const certificate = report.certificateDer && parseCertificate(report.certificateDer);
  const level = certificate && levelOf(certificate);
  const problems: VerdictProblem[] = report.problems.map(({ code, detail }) => ({
    code: code === "revocation-unknown" ? code : `signature-${code}`,
    detail,
  }));
  if (certificate && !isOwn(certificate, expected.snils))
    problems.push({
      code: "signature-owner-mismatch",
      detail: "the certificate's СНИЛС is not the signer's",
    });
  if (level && !suffices(level, expected.needed))
    problems.push({ code: "signature-level", detail: `${expected.needed} is needed, ${level} was given` });
  problems.push(...expected.objections);
  return { outcome: outcomeOf(problems), problems, level, report };
}

function outcomeOf(problems: readonly VerdictProblem[]): VerdictOutcome {
  if (problems.length === 0) return "good";
  return problems.every(({ code }) => code === "revocation-unknown") ? "unknown" : "bad";
}

/** Whether the certificate names this СНИЛС as its owner's. */
export function isOwn({ subject }: Certificate, snils: string): boolean {
  return snilsDigits(subject.fields.snils ?? "") === snils;
}

// classes of signature tools, order 795 of the federal security service: only such a certificate carries them
const toolClasses = "1.2.643.100.113.";

/** The level that a certificate gives once it is trusted: by the classes of signature tools that it names. */
function levelOf({ extensions }: Certificate): SignatureLevel {
  const policies = extensions.get(EXTENSION_OIDS.certificatePolicies);
  const oids = policies
    ? childrenOf(readDer(policies.value, TAG.sequence)).map((policy) => readOid(childrenOf(policy)[0]))
    : [];
  return oids.some((oid) => oid.startsWith(toolClasses)) ? "qualified" : "enhanced";
}

/** The stronger of two levels. */
export const strongest = (
  one: SignatureLevel | undefined,
  other: SignatureLevel | undefined,
): SignatureLevel | undefined => signatureLevels.findLast((level) => level === one || level === other);
