import type { Actor } from "../core/context.ts";
import { type AccessCase, accessCase, isRefusedByPatient, opensCard } from "./access-case.ts";
import type { AccessAction, AccessedResource, AccessFacts } from "./access-facts.ts";
import { grounds, isUnusual } from "./grounds.ts";
import {
  type CodedReason,
  type Missing,
  type PermitCode,
  permitReasons,
  type RefusalCode,
  refusalReasons,
} from "./reasons.ts";
import { requirements } from "./requirements.ts";

export type Decision =
  | { permit: true; reason: CodedReason<PermitCode>; alert: boolean }
  | { permit: false; reason: CodedReason<RefusalCode>; missing: readonly Missing[] };

/**
 * May the actor do this to the resource? Pure: facts are loaded beforehand. Every requirement must hold and one
 * ground must permit; what no ground permits is denied, with what would have permitted it.
 */
export function decide(
  actor: Actor,
  action: AccessAction,
  resource: AccessedResource,
  facts: AccessFacts,
): Decision {
  const one = accessCase(actor, action, resource, facts);
  for (const requirement of requirements) {
    const objection = requirement(one);
    if (objection) return refuse(objection.reason, objection.missing);
  }
  const label = resource.label ?? "N";
  let isLabelTooHigh = false;
  for (const ground of grounds) {
    const permission = ground(one);
    if (permission?.labels.includes(label))
      return {
        permit: true,
        reason: permitReasons[permission.reason],
        alert: isUnusual(permission.reason),
      };
    isLabelTooHigh ||= permission !== undefined;
  }
  if (isLabelTooHigh) return refuse("label-too-high", ["consent-for-label"]);
  return isRefusedByPatient(one)
    ? refuse("refused-by-patient", ["legal-ground"])
    : refuse("no-ground", wouldHelp(one));
}

const refuse = (reason: RefusalCode, missing: readonly Missing[]): Decision => ({
  permit: false,
  reason: refusalReasons[reason],
  missing,
});

function wouldHelp(one: AccessCase): readonly Missing[] {
  if (one.kind === "journal") return ["own-record", "security-duty"];
  if (one.kind === "system") return ["rule"];
  return opensCard(one) ? ["consent-access", "care-relation", "legal-ground"] : ["own-record"];
}
