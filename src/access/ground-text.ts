import type { Decision } from "./decide.ts";
import { type CodedReason, type Missing, permitReasons, refusalReasons } from "./reasons.ts";

/** A ground as people read it. */
export interface ReadGround {
  effect: "permit" | "refuse";
  reason: CodedReason;
  missing: string[];
}

/**
 * A decision as the journal keeps it: the code, for a refusal what was missing, as in `no-ground:care-relation`, and
 * for an emergency its stated reason.
 */
export function groundText(decision: Decision, emergencyReason?: string): string {
  if (decision.permit)
    return emergencyReason && decision.reason.code === "break-glass"
      ? `${decision.reason.code}:${emergencyReason}`
      : decision.reason.code;
  return [decision.reason.code, decision.missing.join(",")].filter(Boolean).join(":");
}

/** Reads the journal's ground again; undefined for a row that no decision stands behind. */
export function readGround(ground: string | undefined): ReadGround | undefined {
  const [code = "", rest = ""] = (ground ?? "").split(":");
  if (Object.hasOwn(permitReasons, code)) {
    const reason = permitReasons[code as keyof typeof permitReasons];
    return { effect: "permit", reason: withStated(reason, rest), missing: [] };
  }
  if (!Object.hasOwn(refusalReasons, code)) return undefined;
  const reason = refusalReasons[code as keyof typeof refusalReasons];
  return { effect: "refuse", reason, missing: rest.split(",").filter(Boolean) as Missing[] };
}

const emergencies: Readonly<Record<string, string>> = {
  unconscious: "пациент без сознания",
  "life-threat": "угроза жизни",
  "mass-casualty": "массовое поступление пострадавших",
};

/** The reason with what was stated for it, as a person must be told why their card was opened. */
const withStated = (reason: CodedReason, stated: string): CodedReason =>
  Object.hasOwn(emergencies, stated)
    ? { ...reason, meaning: `${reason.meaning}: ${stated}`, text: `${reason.text}: ${emergencies[stated]}` }
    : reason;
