import type { Person } from "@medplum/fhirtypes";
import type { Actor, Duty, SignatureLevel } from "../core/context.ts";
import type { SessionKind } from "../store/sessions.ts";
import type { Right, Section } from "./access-facts.ts";

/** An organisation that a worker works for, and the personal file that says so. */
export interface WorkContext {
  /** ФРМО OID without `urn:oid:` */
  oid: string;
  name: string;
  /** logical id of the PractitionerRole */
  roleId: string;
  /** all posts that the worker holds there: codes of dictionary 11.1002 */
  posts?: readonly string[];
}

/** What a session knows of its person; everything but id, kind and owner is kept sealed. */
export interface SessionFacts {
  id: string;
  kind: SessionKind;
  /** keyed hash of the person, the same as worker and as citizen */
  owner: string;
  /** logical id of the Practitioner or Patient */
  personId: string;
  /** ESIA's oid */
  subject: string;
  /** surname and given names */
  name: string;
  /** as ESIA told at sign-in: name, birth date, sex, СНИЛС, ИНН */
  person: Person;
  confirmed: boolean;
  /** clock milliseconds of the login at ESIA, which may be older than the session */
  authTime: number;
  /** ways of authentication as ESIA names them */
  amr: string;
  /** chosen, or the only one */
  organization?: WorkContext;
  /** those to choose from; none for a citizen */
  organizations: readonly WorkContext[];
  /** when ФРМР confirmed the worker; not fresh: an earlier confirmation, ФРМР was down at sign-in */
  registry?: { verifiedAt: number; fresh: boolean };
  /** version of the terms of use that the person has accepted */
  termsVersion?: string;
  /** of the signature over a challenge that opened the cabinet; absent: as the login says */
  signature?: SignatureLevel;
  esia: { sid: string; expiresAt: number; refreshToken?: string };
}

export type Capability =
  | "own-card"
  | "schedule"
  | "documents"
  | "prescriptions"
  | "notifications"
  | "access-rights"
  | "signing"
  | "patient-booking"
  | "record-keeping"
  | "fund-applications"
  | "appointments"
  | "consents";

const workerCapabilities: readonly Capability[] = [
  "own-card",
  "schedule",
  "documents",
  "prescriptions",
  "notifications",
  "access-rights",
];
/** What an active certificate of the worker opens beside (E-08). */
export const certificateCapabilities: readonly Capability[] = [
  "patient-booking",
  "record-keeping",
  "fund-applications",
];
const citizenCapabilities: readonly Capability[] = ["own-card", "documents", "appointments", "consents"];

/** Of a worker's capabilities, those that stand on a section which the post must open (Z-05). */
export const sectionOfCapability: Partial<Record<Capability, { section: Section; right: Right }>> = {
  schedule: { section: "schedule", right: "view" },
  documents: { section: "documents", right: "view" },
  prescriptions: { section: "prescriptions", right: "view" },
  "access-rights": { section: "consents", right: "view" },
  "patient-booking": { section: "registration", right: "enter" },
  "record-keeping": { section: "documents", right: "enter" },
};

/** What the person may do now: nothing before the terms and the organisation, no signing on an old confirmation (L-38). */
export function capabilitiesOf(facts: SessionFacts, termsInForce: string): readonly Capability[] {
  if (!facts.confirmed || facts.termsVersion !== termsInForce) return [];
  if (facts.kind === "citizen") return citizenCapabilities;
  if (!facts.organization) return [];
  return facts.registry?.fresh ? [...workerCapabilities, "signing"] : workerCapabilities;
}

// ESIA's account is a simple signature; a login by certificate is marked DS (fact sheet, amr)
const signatureOf = ({ signature, amr }: SessionFacts): SignatureLevel =>
  signature ?? (/\bDS\b/.test(amr) ? "qualified" : "simple");

// a certificate stands for two factors, and an ESIA login does unless the operator says which ones do (decisions.md)
const isStrong = ({ amr }: SessionFacts, strongAmr: readonly string[]): boolean =>
  strongAmr.length === 0 || amr.split(" ").some((way) => way === "DS" || strongAmr.includes(way));

/** What the operator says of people who sign in. */
export interface SessionRules {
  /** ways of authentication that count as two factors; empty: every ESIA login */
  strongAmr: readonly string[];
  /** logical ids of PractitionerRoles with the security duty */
  securityRoles: readonly string[];
  /** of those with the duty of support */
  supportRoles?: readonly string[];
}

const noRules: SessionRules = { strongAmr: [], securityRoles: [] };

function dutiesOf(roleId: string, { securityRoles, supportRoles = [] }: SessionRules): readonly Duty[] {
  return [
    ...(securityRoles.includes(roleId) ? (["security"] as const) : []),
    ...(supportRoles.includes(roleId) ? (["support"] as const) : []),
  ];
}

/** The person as the one who acts; a worker acts in the chosen organisation only (L-64, L-66). */
export function actorOf(facts: SessionFacts, rules = noRules): Actor {
  const { kind, personId, organization } = facts;
  if (kind === "citizen")
    return { kind: "patient", id: personId, tenant: "", scopes: ["patient/*.rs"], purpose: "PATRQT" };
  const duties = organization ? dutiesOf(organization.roleId, rules) : [];
  return {
    kind: "practitioner",
    id: personId,
    tenant: organization?.oid ?? "",
    scopes: organization ? ["user/*.cruds"] : [],
    role: organization?.roleId,
    organization: organization?.oid,
    purpose: "TREAT",
    session: facts.id,
    signature: signatureOf(facts),
    ...(!isStrong(facts, rules.strongAmr) && { singleFactor: true }),
    ...(duties.length > 0 && { duties }),
  };
}
