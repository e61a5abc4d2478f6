import type { Actor, Duty } from "../core/context.ts";
import {
  type AccessAction,
  type AccessedResource,
  type AccessFacts,
  type ConsentFact,
  type ConsentKind,
  type Right,
  rightOf,
} from "./access-facts.ts";
import { classOfResource, type DataClass } from "./data-classes.ts";

/** One access under decision, with what the rules ask of it again and again. */
export interface AccessCase {
  actor: Actor;
  action: AccessAction;
  right: Right;
  resource: AccessedResource;
  kind: DataClass | undefined;
  facts: AccessFacts;
  /** logical id of the human who acts, whether in person or behind a client system */
  person: string | undefined;
  isWorker: boolean;
}

export function accessCase(
  actor: Actor,
  action: AccessAction,
  resource: AccessedResource,
  facts: AccessFacts,
): AccessCase {
  const person = actor.kind === "client" ? actor.onBehalfOf : actor.kind === "system" ? undefined : actor.id;
  return {
    actor,
    action,
    right: rightOf(action),
    resource,
    kind: classOfResource(resource),
    facts,
    person,
    // the human behind a client system is always a medical worker
    isWorker: actor.kind === "practitioner" || (actor.kind === "client" && person !== undefined),
  };
}

const journalDuties: readonly Duty[] = ["security", "support", "regulator"];

/** True for whom a duty lets look into the journal, named human or not; which rows is the grounds' to say. */
export const hasJournalDuty = ({ kind, actor }: AccessCase): boolean =>
  kind === "journal" && (actor.duties?.some((duty) => journalDuties.includes(duty)) ?? false);

/**
 * A worker's access to a patient's card; consents and what the registry office writes are only looked at, and a consent
 * that was not confirmed is of its writer alone.
 */
export const opensCard = ({ isWorker, kind, right, resource }: AccessCase): boolean =>
  isWorker &&
  !resource.unconfirmed &&
  (kind === "patient" || (right === "view" && (kind === "consent" || kind === "registration")));

const inForce = (at: number, { from, until }: { from?: number; until?: number }): boolean =>
  (from === undefined || from <= at) && (until === undefined || at < until);

/** Consents of one kind and decision that speak of this patient, right, type and moment. */
export function consentsOf(one: AccessCase, kind: ConsentKind, decision: "permit" | "deny"): ConsentFact[] {
  const { resource, right, facts } = one;
  return (facts.consents ?? []).filter(
    (consent) =>
      consent.kind === kind &&
      consent.decision === decision &&
      resource.subject !== undefined &&
      consent.patient === resource.subject &&
      consent.rights.includes(right) &&
      (consent.types === undefined || consent.types.includes(resource.type)) &&
      inForce(facts.at, consent),
  );
}

/** True when every party that the consent names is this worker or their organisation, and it names one. */
export function namesWorker(one: AccessCase, { practitioner, organization }: ConsentFact): boolean {
  if (practitioner === undefined && organization === undefined) return false;
  return (
    (practitioner === undefined || practitioner === one.person) &&
    (organization === undefined || organization === one.actor.organization)
  );
}

/** True when the patient has forbidden it to this worker, their organisation or everybody. */
export const isRefusedByPatient = (one: AccessCase): boolean =>
  consentsOf(one, "access", "deny").some(
    (refusal) =>
      namesWorker(one, refusal) || (refusal.practitioner === undefined && refusal.organization === undefined),
  );

/** True when the relation or representation concerns this patient and has not ended. */
export const concerns = (one: AccessCase, link: { patient: string; until?: number }): boolean =>
  one.resource.subject !== undefined &&
  link.patient === one.resource.subject &&
  inForce(one.facts.at, { until: link.until });
