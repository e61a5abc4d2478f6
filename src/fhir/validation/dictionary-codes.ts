import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import { isGatewayError } from "../../core/errors.ts";
import type { CodeSystemCopy } from "../terminology/code-system-copy.ts";
import type { Terminology } from "../terminology/terminology.ts";
import { type BoundCode, type Finding, issueOf } from "./issues.ts";

/**
 * Looks codes up in the copies of their dictionaries: one that a dictionary has not is an error, one that has ended on
 * the day (ISO) and one whose dictionary is not here are warnings. Throws nothing for what a dictionary holds.
 */
export async function dictionaryIssues(
  terminology: Pick<Terminology, "codeSystem">,
  bound: readonly BoundCode[],
  day: string,
): Promise<OperationOutcomeIssue[]> {
  const found = await Promise.all(bound.map((each) => findingOf(terminology, each, day)));
  return found.flatMap((finding) => (finding ? [issueOf(finding)] : []));
}

async function findingOf(
  terminology: Pick<Terminology, "codeSystem">,
  { system, version, code, path }: BoundCode,
  day: string,
): Promise<Finding | undefined> {
  const dictionary = await copyOf(terminology, system, version);
  if (!dictionary) return { kind: "dictionary-not-loaded", path, detail: system, severity: "warning" };
  const concept = await dictionary.concept(code);
  const named = `${dictionary.url}, version ${dictionary.version}`;
  if (!concept) return { kind: "dictionary-code", path: `${path}.code`, detail: named };
  const { ends, active } = concept;
  if (active && (ends === undefined || ends >= day)) return undefined;
  const detail = ends === undefined ? named : `${named}, ended on ${ends}`;
  return { kind: "dictionary-code-ended", path: `${path}.code`, detail, severity: "warning" };
}

/** The version that the code names, else the newest that is here. */
async function copyOf(
  terminology: Pick<Terminology, "codeSystem">,
  system: string,
  version: string | undefined,
): Promise<CodeSystemCopy | undefined> {
  const asked = version === undefined ? [undefined] : [version, undefined];
  for (const one of asked)
    try {
      return await terminology.codeSystem(system, one);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
    }
  return undefined;
}
