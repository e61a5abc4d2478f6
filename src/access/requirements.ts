import type { PurposeOfUse } from "../core/context.ts";
import { type AccessCase, consentsOf, hasJournalDuty } from "./access-case.ts";
import type { Missing, RefusalCode } from "./reasons.ts";
import { sectionOf } from "./sections.ts";
import { neededSignature, suffices } from "./signature-levels.ts";

/** Why an access is refused, whatever grounds it. */
export interface Objection {
  reason: RefusalCode;
  missing: readonly Missing[];
}

type Requirement = (one: AccessCase) => Objection | undefined;

const typeIsKnown: Requirement = ({ kind }) =>
  kind === undefined ? { reason: "type-unknown", missing: ["rule"] } : undefined;

const humanIsNamed: Requirement = (one) =>
  one.kind === "system" || one.person !== undefined || hasJournalDuty(one)
    ? undefined
    : { reason: "human-unnamed", missing: ["human"] };

const workerPurposes: readonly PurposeOfUse[] = ["TREAT", "HPAYMT", "HOPERAT", "BTG"];

const purposeFits: Requirement = ({ kind, actor, isWorker }) => {
  if (kind === "system" || kind === "journal") return undefined;
  const fitting: readonly PurposeOfUse[] = isWorker ? workerPurposes : ["PATRQT"];
  if (actor.purpose && fitting.includes(actor.purpose)) return undefined;
  return { reason: "purpose-unfit", missing: ["purpose-of-use"] };
};

const handlesPeople = ({ kind, isWorker }: AccessCase): boolean =>
  isWorker && kind !== undefined && kind !== "system" && kind !== "journal";

const organizationIsChosen: Requirement = (one) =>
  handlesPeople(one) && !(one.actor.organization && one.actor.role)
    ? { reason: "organization-missing", missing: ["organization"] }
    : undefined;

const workerIsActive: Requirement = (one) =>
  handlesPeople(one) && !one.facts.activeWorker
    ? { reason: "worker-inactive", missing: ["active-worker"] }
    : undefined;

// Z-05: whatever grounds it, nobody needs more of a patient than their post does
const postOpensSection: Requirement = (one) => {
  if (!handlesPeople(one)) return undefined;
  const section = sectionOf(one.resource.type, one.kind);
  return section !== undefined && one.facts.post?.[one.right].has(section)
    ? undefined
    : { reason: "post-unfit", missing: ["post"] };
};

// L-43: of a patient's data; V-14: of what was verified; all else needs no more than the login
const loginIsStrong: Requirement = (one) =>
  one.actor.singleFactor && (handlesPeople(one) || one.resource.type === "VerificationResult")
    ? { reason: "second-factor", missing: ["second-factor"] }
    : undefined;

const signatureSuffices: Requirement = ({ action, resource, facts, isWorker }) => {
  const needed = isWorker ? neededSignature(action, resource, facts.regionalLevels) : undefined;
  if (needed === undefined || suffices(facts.signature, needed)) return undefined;
  return { reason: "signature-level", missing: [`signature-${needed}`] };
};

// 323-ФЗ art. 20 p. 9: without consent only where the law says so
const careIsConsented: Requirement = (one) =>
  one.isWorker &&
  one.action === "create" &&
  one.resource.type === "Procedure" &&
  !one.facts.grounds?.includes("323-13-4-1") &&
  consentsOf(one, "treatment", "permit").length === 0
    ? { reason: "treatment-consent-missing", missing: ["consent-treatment"] }
    : undefined;

const electronicPrescriptionIsConsented: Requirement = (one) =>
  one.isWorker &&
  one.action === "create" &&
  one.resource.type === "MedicationRequest" &&
  consentsOf(one, "prescription", "permit").length === 0
    ? { reason: "prescription-consent-missing", missing: ["consent-prescription"] }
    : undefined;

const changesOwnRecordsOnly: Requirement = ({ action, kind, actor, resource, isWorker }) =>
  isWorker &&
  kind !== "consent" &&
  kind !== "system" &&
  (action === "update" || action === "delete") &&
  resource.organization !== actor.organization
    ? { reason: "other-organization", missing: ["own-record"] }
    : undefined;

/** Each must hold; the first that does not is the reason. */
export const requirements: readonly Requirement[] = [
  typeIsKnown,
  humanIsNamed,
  purposeFits,
  organizationIsChosen,
  workerIsActive,
  postOpensSection,
  loginIsStrong,
  signatureSuffices,
  careIsConsented,
  electronicPrescriptionIsConsented,
  changesOwnRecordsOnly,
];
