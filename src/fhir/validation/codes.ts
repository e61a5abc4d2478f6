import type { Findings } from "./issues.ts";
import type { AllowedCodes } from "./rules.ts";

type Json = Readonly<Record<string, unknown>>;

const mostTold = 12;

/** Checks a code, Coding, CodeableConcept or Quantity against the value set that the definition requires. */
export function checkCodes(value: unknown, allowed: AllowedCodes, path: string, findings: Findings): void {
  if (isAllowed(value, allowed)) return;
  const known = [...(typeof value === "string" ? allowed.codes : allowed.tokens)];
  const rest = known.length > mostTold ? ` and ${known.length - mostTold} more` : "";
  findings.add({
    kind: "code-not-allowed",
    path,
    detail: `${allowed.name} has ${known.slice(0, mostTold).join(", ")}${rest}`,
  });
}

function isAllowed(value: unknown, { codes, tokens }: AllowedCodes): boolean {
  if (typeof value === "string") return codes.has(value);
  if (typeof value !== "object" || value === null) return true;
  const { system, code, coding } = value as Json;
  if (code !== undefined) return tokens.has(`${String(system)}|${String(code)}`);
  // one coding of the set is enough (R4 terminologies, required)
  const list = Array.isArray(coding) ? (coding as readonly (Json | null)[]) : [];
  return list.some((each) => tokens.has(`${String(each?.["system"])}|${String(each?.["code"])}`));
}

/**
 * Notes the codes of a Coding or CodeableConcept that a dictionary must have. That one stands there at all is a rule of
 * the profile, which says it in its own words.
 */
export function bindCodes(value: unknown, system: string, path: string, findings: Findings): void {
  const { coding } = (value ?? {}) as Json;
  const placed: readonly (readonly [unknown, string])[] = Array.isArray(coding)
    ? coding.map((each: unknown, n) => [each, `${path}.coding[${n}]`] as const)
    : [[value, path]];
  for (const [each, place] of placed) {
    const { system: of, code, version } = (each ?? {}) as Json;
    if (of !== system || typeof code !== "string") continue;
    findings.bound.push({ system, code, path: place, ...(typeof version === "string" && { version }) });
  }
}
