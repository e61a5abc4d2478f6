import type { RequestContext, SignatureLevel } from "../core/context.ts";
import type { LegalGround } from "./reasons.ts";

export type AccessAction = "read" | "search" | "history" | "create" | "update" | "delete";

/** view = FHIR consent action `access`; enter = `collect` and `correct` (M-26). */
export type Right = "view" | "enter";

export const rightOf = (action: AccessAction): Right =>
  action === "read" || action === "search" || action === "history" ? "view" : "enter";

/** A later level does for an earlier one (E-01). */
export const signatureLevels = [
  "simple",
  "enhanced",
  "qualified",
] as const satisfies readonly SignatureLevel[];

/** v3-Confidentiality as dictionary 99.2.285 has it. */
export type Label = "N" | "R" | "V";

/** What is accessed; ids are logical. */
export interface AccessedResource {
  type: string;
  /** logical id of the resource itself, for the journal */
  id?: string;
  /** whose data it is */
  subject?: string;
  /** a patient's data that do not say whose */
  subjectUnnamed?: boolean;
  /** who did what a journal row tells of; the worker whom a consent names */
  agent?: string;
  /** ФРМО OID of the organisation that made it, or that a consent names */
  organization?: string;
  /** a consent that is written down and not yet confirmed by who gives it */
  unconfirmed?: boolean;
  /** a row of the journal that tells how a person was verified */
  verification?: boolean;
  /** absent: normal */
  label?: Label;
}

/** Four kinds that never stand for each other (decisions.md). */
export type ConsentKind = "processing" | "treatment" | "access" | "prescription";

/** A consent in force, withdrawn ones left out; times in clock milliseconds. */
export interface ConsentFact {
  kind: ConsentKind;
  decision: "permit" | "deny";
  patient: string;
  rights: readonly Right[];
  /** neither: a permit is for nobody, a refusal for everybody */
  practitioner?: string;
  organization?: string;
  /** absent: every type */
  types?: readonly string[];
  /** labels beyond normal that a permit opens */
  labels?: readonly Label[];
  from?: number;
  until?: number;
}

/** Assigned by the organisation, or booked by the patient, who then says what is permitted (M-27). */
export interface CareRelation {
  kind: "assigned" | "booked";
  patient: string;
  practitioner: string;
  organization: string;
  rights: readonly Right[];
  until?: number;
}

export interface Representation {
  kind: "parent" | "guardian-of-incapable";
  patient: string;
  until?: number;
}

/** Parts of the work with patients that are opened to a post one by one (Z-05). */
export const sections = [
  "registration",
  "schedule",
  "consents",
  "records",
  "measurements",
  "care",
  "examinations",
  "orders",
  "documents",
  "prescriptions",
  "dispensing",
  "correspondence",
  "work",
] as const;

export type Section = (typeof sections)[number];

/** What somebody's post opens to view and to enter. */
export interface PostRights {
  view: ReadonlySet<Section>;
  enter: ReadonlySet<Section>;
}

/** Everything that decide() may know, loaded beforehand. What is absent is not so. */
export interface AccessFacts {
  /** clock milliseconds of the decision */
  at: number;
  /** ФРМР confirms the worker's post in the chosen organisation (M-41) */
  activeWorker?: boolean;
  /** what the worker's post opens (Z-05) */
  post?: PostRights;
  relations?: readonly CareRelation[];
  consents?: readonly ConsentFact[];
  grounds?: readonly LegalGround[];
  representations?: readonly Representation[];
  /** full years of the patient */
  patientAge?: number;
  /** of the action's own signature, or of the one that opened the card */
  signature?: SignatureLevel;
  /** what the region of the worker's organisation asks for beyond the federal rules (E-29) */
  regionalLevels?: Readonly<Record<string, SignatureLevel>>;
  /** present only when configuration allows it; it is off by default */
  breakGlass?: { reason: string };
}

export type KnownFacts = Omit<AccessFacts, "at">;

/**
 * Loads what is known of the actor and of all these people (logical ids) at once, in a bounded number of queries;
 * the answer then tells it for each of them, and for data that is nobody's.
 */
export type FactsOf = (
  ctx: RequestContext,
  subjects: readonly string[],
) => Promise<(subject: string | undefined) => KnownFacts>;
