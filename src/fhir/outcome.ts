import type { OperationOutcome, OperationOutcomeIssue } from "@medplum/fhirtypes";
import { canonicalBase } from "../core/canonical.ts";
import { type ErrorCode, errorTable } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";

const errorCodeSystem = `${canonicalBase}/CodeSystem/gateway-error`;

/**
 * An OperationOutcome with the code of our error table, Russian text, remedy and the element to mend
 * (L-52, L-53). English detail is shown for what the caller did; a fault of ours keeps its detail to the log.
 */
export function outcomeOf(
  error: GatewayError,
  severity: OperationOutcomeIssue["severity"] = "error",
): OperationOutcome {
  const { row, code } = error;
  const detail = row.status === 500 ? row.meaning : error.message;
  return {
    resourceType: "OperationOutcome",
    issue: [
      {
        severity,
        code: row.issue as OperationOutcomeIssue["code"],
        details: { coding: [{ system: errorCodeSystem, code, display: row.meaning }], text: row.text },
        diagnostics: `${detail}. ${row.remedy}`,
        ...(error.field !== undefined && { expression: [error.field] }),
      },
    ],
  };
}

/** The warning that tells what lenient handling left out. */
export function warningOf(code: ErrorCode, field: string): OperationOutcome {
  return outcomeOf(new GatewayError(code, { field, detail: errorTable[code].meaning }), "warning");
}
