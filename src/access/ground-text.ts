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
  const [code = "", missing = ""] = (ground ?? "").split(":");
  if (Object.hasOwn(permitReasons, code))
    return { effect: "permit", reason: permitReasons[code as keyof typeof permitReasons], missing: [] };
  if (!Object.hasOwn(refusalReasons, code)) return undefined;
  const reason = refusalReasons[code as keyof typeof refusalReasons];
  return { effect: "refuse", reason, missing: missing.split(",").filter(Boolean) as Missing[] };
}
