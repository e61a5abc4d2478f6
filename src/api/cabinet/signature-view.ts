import { errorTable } from "../../core/error-table.ts";
import type { Signers } from "../../flows/signature/co-signatures.ts";
import type { SignerRole } from "../../flows/signature/signing-rules.ts";
import { isInForce, type SignatureState } from "../../flows/signature/state.ts";
import type { SignatureTerms } from "../../flows/signature/terms.ts";
import type { VerdictProblem } from "../../flows/signature/verdict.ts";
import type { Evidence } from "../../store/signature-evidence.ts";
import type { SignatureHead } from "../../store/signature-heads.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

const instant = (at: number): string => new Date(at).toISOString();

/** A request for a signature with all that it says of the document. */
export function requestView(
  kept: SignatureHead,
  { checks, signers }: { checks: readonly Evidence[]; signers?: Signers },
): View["SignatureRequest"] {
  const { title, digests, resource } = kept.terms as SignatureTerms;
  const { subject: patient, document } = kept;
  return {
    ...eventView(kept),
    ...{ title, digests, patient, document, resource: resource && `${resource.type}/${resource.id}` },
    ...(signers && signersView(signers)),
    checks: checks.map(checkView),
  };
}

/** Who has signed, then who is awaited. */
function signersView({ kind, signed, awaited }: Signers): Pick<View["SignatureRequest"], "kind" | "signers"> {
  return {
    kind: { code: kind.code, name: kind.name },
    signers: [
      ...signed.map(({ role, kept }) => ({
        role: roleView(role),
        state: "signed" as const,
        practitioner: kept.signer,
        practitionerRole: (kept.terms as SignatureTerms).roleId,
        ...(kept.settledAt !== undefined && { at: instant(kept.settledAt) }),
      })),
      ...awaited.map((role) => ({ role: roleView(role), state: "awaited" as const })),
    ],
  };
}

const roleView = ({ id: code, name }: SignerRole): View["Signer"]["role"] => ({ code, name });

/** What happened and when, of a document that is closed to the person now: a short one is guessed from its digest. */
export function eventView(kept: SignatureHead): View["SignatureRequest"] {
  const { id, purpose, state, submittedAt, settledAt, certificate } = kept;
  const { contentType, needed } = kept.terms as SignatureTerms;
  return {
    id,
    purpose: purpose as View["SignatureRequest"]["purpose"],
    state: state as View["SignatureRequest"]["state"],
    inForce: isInForce(state as SignatureState) && !kept.awaiting,
    contentType,
    level: needed,
    createdAt: instant(kept.createdAt),
    expiresAt: instant(kept.expiresAt),
    ...(submittedAt !== undefined && { submittedAt: instant(submittedAt) }),
    ...(settledAt !== undefined && { settledAt: instant(settledAt) }),
    certificate,
    checks: [],
  };
}

interface KeptReport {
  problems: VerdictProblem[];
  signingTime?: string;
  algorithm?: string;
  revocation: View["SignatureCheck"]["revocation"];
}

function checkView({ at, verdict, report }: Evidence): View["SignatureCheck"] {
  const { problems, signingTime, algorithm, revocation } = report as KeptReport;
  return {
    at: instant(at),
    verdict: verdict as View["SignatureCheck"]["verdict"],
    problems: problems.map(problemView),
    signingTime,
    algorithm,
    revocation: revocation.map(({ source, status, ageSeconds }) => ({ source, status, ageSeconds })),
  };
}

function problemView({ code }: VerdictProblem): View["SignatureProblem"] {
  const { text, remedy } = errorTable[code === "revocation-unknown" ? "signature-unverified" : code];
  return { code, text, remedy };
}
