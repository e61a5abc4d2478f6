import type { RegionalPolicies } from "../../access/regional-policy.ts";
import type { Clock } from "../../core/clock.ts";
import type { SignatureReport } from "../../crypto/signature-report.ts";
import type { Verifier } from "../../crypto/verifier.ts";
import { parseCertificate } from "../../crypto/x509.ts";
import type { SignatureEvidence } from "../../store/signature-evidence.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import { fingerprintOf } from "../../store/signing-certificates.ts";
import type { SigningCertificates } from "./certificates.ts";
import { objectionTo, type PowersOfAttorney } from "./power-of-attorney.ts";
import type { SignatureTerms } from "./terms.ts";
import { isOwn, type Verdict, type VerdictProblem, verdictOf } from "./verdict.ts";

export interface ChecksParts {
  verifier: Pick<Verifier, "verify">;
  certificates: Pick<SigningCertificates, "lost" | "stoppedSince" | "isActivated">;
  clock: Clock;
  regions: RegionalPolicies;
  /** absent: none is asked for */
  powers?: PowersOfAttorney;
  evidence: Pick<SignatureEvidence, "isSpent">;
  /** how old the last answer about revocation may be while no source answers */
  toleratedAgeMs: number;
}

/** Judges a container against the request that it is to settle. */
export class SignatureChecks {
  readonly #parts: ChecksParts;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** `isActivated`: the certificate must be one that its owner has activated in the cabinet (E-09). */
  async verdict(
    kept: KeptSignature,
    container: Uint8Array,
    { isActivated = false }: { isActivated?: boolean } = {},
  ): Promise<Verdict> {
    const { verifier, clock, toleratedAgeMs } = this.#parts;
    const { snils, needed } = kept.terms as SignatureTerms;
    const report = await verifier.verify({
      container,
      content: kept.content,
      at: new Date(clock.now()),
      // what waits was valid or not when it came, whatever has run out since
      validAt: new Date(kept.submittedAt ?? clock.now()),
      toleratedAgeMs,
    });
    const der = report.certificateDer;
    const objections = [
      ...(der ? await this.#objections(kept, der) : []),
      ...(der && isActivated ? await this.#pending(kept, der) : []),
      ...this.#regional(kept, report),
      ...(await this.#spent(kept, report)),
    ];
    return verdictOf(report, { snils, needed, objections });
  }

  // another person's certificate is refused as that: nobody adds it to their profile
  async #pending(
    { signer, terms }: KeptSignature,
    der: NonNullable<SignatureReport["certificateDer"]>,
  ): Promise<VerdictProblem[]> {
    if (!isOwn(parseCertificate(der), (terms as SignatureTerms).snils)) return [];
    if (await this.#parts.certificates.isActivated(signer, fingerprintOf(der))) return [];
    return [{ code: "certificate-pending", detail: "the certificate was not activated by a code" }];
  }

  // bytes may return to what they were: the signature over them is given anew all the same (E-19)
  async #spent(kept: KeptSignature, { imprint }: SignatureReport): Promise<VerdictProblem[]> {
    if (imprint === undefined || !(await this.#parts.evidence.isSpent(kept, imprint))) return [];
    return [{ code: "signature-spent", detail: "the same signature was given for another request" }];
  }

  #regional(kept: KeptSignature, { algorithm }: SignatureReport): VerdictProblem[] {
    const taken = this.#parts.regions.of(kept.tenant)?.algorithms;
    if (!taken || algorithm === undefined || taken.includes(algorithm)) return [];
    return [{ code: "signature-algorithm", detail: `the region takes no ${algorithm}` }];
  }

  async #objections(
    kept: KeptSignature,
    der: NonNullable<SignatureReport["certificateDer"]>,
  ): Promise<VerdictProblem[]> {
    const stopped = await this.#stopped(kept, der);
    const unfounded = await this.#unfounded(kept, der);
    return [
      ...(stopped ? [{ code: "signing-stopped" as const, detail: stopped }] : []),
      ...(unfounded ? [{ code: "signature-power-of-attorney" as const, detail: unfounded }] : []),
    ];
  }

  /** Why the worker's keys are not believed: what came before the loss of another key stands (E-25). */
  async #stopped({ signer, submittedAt }: KeptSignature, der: Uint8Array): Promise<string | undefined> {
    const { certificates, clock } = this.#parts;
    if ((await certificates.lost(signer)).has(fingerprintOf(der)))
      return "the key of this certificate was reported lost";
    const since = await certificates.stoppedSince(signer);
    if (since === undefined || (submittedAt ?? clock.now()) < since) return undefined;
    return "a key was reported lost and no other certificate was activated since";
  }

  /** Why the worker may not sign for the organisation. */
  async #unfounded(kept: KeptSignature, der: Uint8Array): Promise<string | undefined> {
    const { powers, clock } = this.#parts;
    const { organization, snils, powerOfAttorney } = kept.terms as SignatureTerms;
    // a certificate that names the organisation needs no power of attorney
    const isOrganizations = parseCertificate(der).subject.fields.ogrn !== undefined;
    if (!powers || isOrganizations || kept.purpose !== "document") return undefined;
    const found = powerOfAttorney === undefined ? undefined : await powers.find(powerOfAttorney);
    return objectionTo(found, { organization, snils, at: new Date(kept.submittedAt ?? clock.now()) });
  }
}
