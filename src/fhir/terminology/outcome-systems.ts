import type { CodeSystem } from "@medplum/fhirtypes";
import { errorTable } from "../../core/error-table.ts";
import { errorCodeSystem } from "../outcome.ts";
import { issueKinds, issueSystem } from "../validation/issues.ts";

/** The code systems of our outcomes, from the tables that outcomes are made of; definitions are Russian. */
export function outcomeSystems(): readonly CodeSystem[] {
  const errors = Object.entries(errorTable).map(
    ([code, { meaning, text }]) => [code, meaning, text] as const,
  );
  return [
    systemOf(errorCodeSystem, "Codes of errors", errors),
    systemOf(issueSystem, "Kinds of findings of the validator", issueKinds),
  ];
}

function systemOf(
  url: string,
  title: string,
  rows: readonly (readonly [string, string, string])[],
): CodeSystem {
  const id = url.slice(url.lastIndexOf("/") + 1);
  return {
    resourceType: "CodeSystem",
    id,
    url,
    name: id.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase()),
    title,
    status: "active",
    caseSensitive: true,
    content: "complete",
    count: rows.length,
    concept: rows.map(([code, display, definition]) => ({ code, display, definition })),
  };
}
