import type { AuditEvent, Coding, Consent, Provenance, Resource } from "@medplum/fhirtypes";
import { identifierSystem } from "../core/canonical.ts";
import { referencesIn, storedReferenceOf } from "../fhir/references.ts";
import { subjectOf } from "../fhir/subject.ts";
import type { AccessedResource, Label } from "./access-facts.ts";
import { isAboutPatients } from "./data-classes.ts";

/**
 * What decide() asks of a resource: its type, whose it is, who made it and how confidential it is. A resource that
 * names no maker was made by `tenant`, the organisation that stores it.
 */
export function accessedOf(resource: Resource, tenant?: string): AccessedResource {
  const { resourceType: type, id, meta } = resource;
  const accessed: AccessedResource = { type, id, label: labelOf(meta?.security ?? []) };
  const subject = subjectOf(resource);
  if (subject !== undefined) accessed.subject = subject;
  else if (isOverPatients(resource)) accessed.subjectUnnamed = true;
  if (resource.resourceType === "Consent") return { ...accessed, ...partiesOf(resource) };
  if (resource.resourceType === "AuditEvent") return { ...accessed, ...journalledOf(resource) };
  const organization = makerOf(resource) ?? tenant;
  if (organization) accessed.organization = organization;
  return accessed;
}

/** What a Provenance is over, one for each target; undefined for a target that names nothing of ours. */
export const targetsOf = ({ target = [] }: Provenance): ({ type: string; id: string } | undefined)[] =>
  target.map(({ reference }) => storedReferenceOf(reference));

/** Where a resource names the patient whose work or message it is; undefined for every other type. */
export const subjectElementOf = ({ resourceType }: Resource): string | undefined =>
  resourceType === "Task" ? "for" : isMessage.has(resourceType) ? "subject" : undefined;

const isMessage: ReadonlySet<string> = new Set(["Communication", "CommunicationRequest"]);

function isOverPatients(resource: Resource): boolean {
  if (resource.resourceType === "Provenance")
    return targetsOf(resource).some((target) => target && isAboutPatients(target.type));
  if (subjectElementOf(resource) === undefined) return false;
  return referencesIn(resource).some((reference) => isAboutPatients(namedType.exec(reference)?.[1] ?? ""));
}

// also of what lies elsewhere, and of what a search finds
const namedType = /(?:^|\/)([A-Z][A-Za-z]+)(?:\?|\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[^/]+)?$)/;

/** The highest of these labels; N when there is none. */
export const highestLabel = (labels: readonly (Label | undefined)[]): Label =>
  order.findLast((label) => labels.includes(label)) ?? "N";

const confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
// U, L and M of the same system are below N
const labels: Readonly<Record<string, Label>> = { U: "N", L: "N", M: "N", N: "N", R: "R", V: "V" };
const order: readonly Label[] = ["N", "R", "V"];

/** The highest label that stands; one that nobody knows is the highest there is. */
function labelOf(security: readonly Coding[]): Label {
  if (security.length === 0) return "N";
  const found = security
    .filter(({ system }) => system === confidentiality)
    .map(({ code = "" }) => (Object.hasOwn(labels, code) ? labels[code] : undefined) ?? "V");
  return highestLabel(found);
}

// what a sign-in and a check of a worker leave in the journal
const verifications = new Set([
  "authenticated",
  "identity-verified",
  "identity-not-verified",
  "second-factor-assumed",
  "sign-in",
  "step-up",
]);

/** Where what a row tells of happened, and whether it tells of a verification. */
function journalledOf({
  agent,
  subtype,
}: AuditEvent): Pick<AccessedResource, "organization" | "verification"> {
  const oid = agent
    .flatMap(({ who }) => who?.identifier ?? [])
    .find(({ system }) => system === identifierSystem.oid);
  return {
    ...(oid?.value && { organization: oid.value.replace(/^urn:oid:/, "") }),
    verification: subtype?.some(({ code = "" }) => verifications.has(code)) ?? false,
  };
}

/** Whom a consent names, and whether it was confirmed. */
function partiesOf({
  provision,
  status,
}: Consent): Pick<AccessedResource, "agent" | "organization" | "unconfirmed"> {
  const parties: ReturnType<typeof partiesOf> = {};
  if (status === "draft" || status === "proposed") parties.unconfirmed = true;
  for (const { reference } of provision?.actor ?? []) {
    const [, practitioner] = /^Practitioner\/([^/]+)$/.exec(reference?.reference ?? "") ?? [];
    const { system, value } = reference?.identifier ?? {};
    if (practitioner !== undefined) parties.agent = practitioner;
    if (system === identifierSystem.oid) parties.organization = value?.replace(/^urn:oid:/, "");
  }
  return parties;
}

const makers = ["custodian", "serviceProvider", "managingOrganization", "performer", "reporter"] as const;

/** ФРМО OID of the organisation that a resource names as its maker. */
export function makerOf(resource: Resource): string | undefined {
  const members = resource as unknown as Record<string, unknown>;
  for (const name of makers) {
    const value = members[name] as { identifier?: { system?: string; value?: string } } | undefined;
    if (value?.identifier?.system === identifierSystem.oid)
      return value.identifier.value?.replace(/^urn:oid:/, "");
  }
  return undefined;
}
