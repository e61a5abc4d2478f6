import type { Duty, PurposeOfUse } from "../core/context.ts";
import {
  type AccessCase,
  concerns,
  consentsOf,
  isRefusedByPatient,
  namesWorker,
  opensCard,
} from "./access-case.ts";
import type { Label, Right } from "./access-facts.ts";
import { isKeptByOrganization } from "./data-classes.ts";
import { isAtOrBelow } from "./oid-tree.ts";
import type { LegalGround, PermitCode } from "./reasons.ts";
import { remitOf } from "./remit.ts";

/** What permits an access, and the labels that it opens. */
export interface Permission {
  reason: PermitCode;
  labels: readonly Label[];
}

type Ground = (one: AccessCase) => Permission | undefined;

const every: readonly Label[] = ["N", "R", "V"];

const systemData: Ground = ({ kind, right }) =>
  kind === "system" && right === "view" ? { reason: "system-data", labels: ["N"] } : undefined;

// places, services and subscriptions of its tenant; what each client may change is in its scopes
const ownDirectory: Ground = ({ right, actor, resource }) =>
  right === "enter" && actor.kind === "client" && isKeptByOrganization(resource.type)
    ? { reason: "own-directory", labels: ["N"] }
    : undefined;

// 323-ФЗ art. 20 p. 2: consent is given in person from the age of 15
const ageOfConsent = 15;

const ownData: Ground = ({ actor, kind, right, resource, person, facts }) => {
  const isOwn = person !== undefined && actor.kind !== "client" && resource.subject === person;
  const isOwnDeed = kind === "journal" && person !== undefined && resource.agent === person;
  if (right === "view" && (isOwn || isOwnDeed)) return { reason: "own-data", labels: every };
  const managesConsent = kind === "consent" && actor.kind === "patient";
  return isOwn && managesConsent && (facts.patientAge ?? 0) >= ageOfConsent
    ? { reason: "own-data", labels: every }
    : undefined;
};

const legalRepresentative: Ground = (one) => {
  const { actor, kind, right, facts } = one;
  if (actor.kind !== "patient" || (right === "enter" && kind !== "consent")) return undefined;
  const represents = (facts.representations ?? []).some(
    (link) =>
      concerns(one, link) &&
      (link.kind === "guardian-of-incapable" || (facts.patientAge ?? ageOfConsent) < ageOfConsent),
  );
  return represents ? { reason: "representative", labels: every } : undefined;
};

// a person's duty holds while their post does and after a login that would open a card
const holdsDuty = ({ isWorker, actor, facts }: AccessCase): boolean =>
  !isWorker || (facts.activeWorker === true && !actor.singleFactor);

/** Of the journal; a question without a row's id asks whether there is anything to look for. */
const journalDuty =
  (duty: Duty, reason: PermitCode, opens: (one: AccessCase) => boolean): Ground =>
  (one) => {
    const { kind, right, actor, resource } = one;
    if (kind !== "journal" || right !== "view" || !actor.duties?.includes(duty) || !holdsDuty(one))
      return undefined;
    return resource.id === undefined || opens(one) ? { reason, labels: ["N"] } : undefined;
  };

const isInRemit = ({ actor, resource: { organization } }: AccessCase): boolean =>
  organization !== undefined && isAtOrBelow(organization, remitOf(actor) ?? []);

const ownOrganization: Ground = ({ kind, right, isWorker, actor, resource }) => {
  const registers = kind === "registration" && right === "enter" && actor.purpose === "HOPERAT";
  const isOwn = actor.organization && resource.organization === actor.organization;
  return isWorker && isOwn && (kind === "work" || registers)
    ? { reason: "own-organization", labels: ["N"] }
    : undefined;
};

/** Both sides see a consent: who gave it by `own-data`, whom it names by this. */
const namedInConsent: Ground = ({ kind, right, isWorker, person, actor, resource }) => {
  const { agent, organization, unconfirmed } = resource;
  if (kind !== "consent" || right !== "view" || !isWorker || unconfirmed) return undefined;
  const isNamed =
    agent === undefined
      ? organization !== undefined && organization === actor.organization
      : agent === person && (organization === undefined || organization === actor.organization);
  return isNamed ? { reason: "named-in-consent", labels: ["N"] } : undefined;
};

const consentToAccess: Ground = (one) => {
  if (!opensCard(one) || isRefusedByPatient(one)) return undefined;
  const consents = consentsOf(one, "access", "permit").filter((consent) => namesWorker(one, consent));
  if (consents.length === 0) return undefined;
  return { reason: "consent-access", labels: ["N", ...consents.flatMap(({ labels }) => labels ?? [])] };
};

const careRelation =
  (kind: "assigned" | "booked", labels: readonly Label[]): Ground =>
  (one) => {
    if (!opensCard(one) || isRefusedByPatient(one)) return undefined;
    const relation = (one.facts.relations ?? []).find(
      (link) =>
        link.kind === kind &&
        concerns(one, link) &&
        link.practitioner === one.person &&
        link.organization === one.actor.organization &&
        link.rights.includes(one.right),
    );
    return relation && { reason: `care-${kind}`, labels };
  };

const purposeOfGround: Readonly<Record<LegalGround, PurposeOfUse>> = {
  "323-13-4-1": "TREAT",
  "323-13-4-2": "HOPERAT",
  "323-13-4-3": "HOPERAT",
  "323-13-4-4": "TREAT",
  "323-13-4-5": "HOPERAT",
  "323-13-4-6": "HOPERAT",
  "323-13-4-7": "HOPERAT",
  "323-13-4-8": "TREAT",
  "323-13-4-9": "HPAYMT",
  "323-13-4-10": "HOPERAT",
};

// what happens every day: care is handed over, care is paid for
const everyday: ReadonlySet<string> = new Set<LegalGround>(["323-13-4-8", "323-13-4-9"]);

/** True for what opens a card past the patient and is rare: the security service looks at each. */
export const isUnusual = (reason: PermitCode): boolean =>
  reason === "break-glass" || (Object.hasOwn(purposeOfGround, reason) && !everyday.has(reason));

/** Every item of 323-ФЗ art. 13 p. 4. */
export const legalGrounds = Object.keys(purposeOfGround) as LegalGround[];

/** What a ground that a request states opens the card for: only care for one who can't speak may write. */
export const statedRights = (reason: PermitCode): readonly Right[] =>
  reason === "323-13-4-1" ? ["view", "enter"] : ["view"];

/** The law does not ask the patient, so a refusal of theirs stops nothing here (decisions.md). */
const law: Ground = (one) => {
  const { facts, right, actor, resource } = one;
  if (!opensCard(one) || resource.subject === undefined) return undefined;
  const reason = facts.grounds?.find(
    (ground) => purposeOfGround[ground] === actor.purpose && statedRights(ground).includes(right),
  );
  return reason && { reason, labels: every };
};

const breakGlass: Ground = (one) =>
  opensCard(one) &&
  statedRights("break-glass").includes(one.right) &&
  one.resource.subject !== undefined &&
  one.actor.purpose === "BTG" &&
  one.facts.breakGlass?.reason.trim()
    ? { reason: "break-glass", labels: every }
    : undefined;

/** The first that holds and reaches the document's label is the ground. */
export const grounds: readonly Ground[] = [
  systemData,
  ownDirectory,
  ownData,
  legalRepresentative,
  journalDuty("security", "security-duty", () => true),
  journalDuty("support", "support-duty", ({ resource }) => resource.verification === true),
  journalDuty("regulator", "regulator-duty", isInRemit),
  ownOrganization,
  namedInConsent,
  consentToAccess,
  careRelation("assigned", ["N", "R"]),
  careRelation("booked", ["N"]),
  law,
  breakGlass,
];
