import type { Extension, OperationOutcome, OperationOutcomeIssue } from "@medplum/fhirtypes";
import { canonicalBase } from "../core/canonical.ts";
import { type ErrorCode, errorTable } from "../core/error-table.ts";
import { GatewayError, type RetryContract } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";

export const errorCodeSystem = `${canonicalBase}/CodeSystem/gateway-error`;
const retryExtension = `${canonicalBase}/StructureDefinition/retry-contract`;

/**
 * An OperationOutcome with the code of our error table, Russian text, remedy and the element to mend
 * (L-52, L-53). English detail is shown for what the caller did; a fault of ours keeps its detail to the log.
 */
export function outcomeOf(
  error: GatewayError,
  severity: OperationOutcomeIssue["severity"] = "error",
): OperationOutcome {
  const { row, code, retry } = error;
  const detail = row.status === 500 ? row.meaning : error.message;
  return {
    resourceType: "OperationOutcome",
    issue: [
      {
        // a warning stands beside an answer: there is nothing to send again
        ...(severity === "error" && { extension: [retryContract(retry)] }),
        severity,
        code: row.issue as OperationOutcomeIssue["code"],
        details: { coding: [{ system: errorCodeSystem, code, display: row.meaning }], text: row.text },
        diagnostics: `${detail}. ${row.remedy}`,
        ...(error.field !== undefined && { expression: [error.field] }),
      },
      ...(error.issues ?? []),
    ],
  };
}

function retryContract({ retryable, retryAfter, sameRequestId }: RetryContract): Extension {
  return {
    url: retryExtension,
    extension: [
      { url: "retryable", valueBoolean: retryable },
      ...(retryAfter === undefined ? [] : [{ url: "retryAfter", valueUnsignedInt: retryAfter }]),
      { url: "sameRequestId", valueBoolean: sameRequestId },
    ],
  };
}

/** The warning that tells what lenient handling left out. */
export function warningOf(code: ErrorCode, field: string): OperationOutcome {
  return outcomeOf(new GatewayError(code, { field, detail: errorTable[code].meaning }), "warning");
}

/** What a caller must know of a source: that it did not answer, or how old its answer is. Undefined for a fresh one. */
export function outcomeOfSource({
  system,
  status,
  asOf,
  copy,
  retryAfter,
}: SourceStatus): OperationOutcome | undefined {
  if (status === "unavailable")
    return outcomeOf(
      new GatewayError("upstream-unavailable", { system, field: system, retryAfter }),
      "warning",
    );
  if (status !== "stale" && !copy) return undefined;
  const at = asOf === undefined ? "an unknown time" : new Date(asOf).toISOString();
  const [text, diagnostics] = copy
    ? [`Найдено в копии системы ${system} на ${at}`, `found in the copy of ${system} as of ${at}`]
    : [`Система ${system} не ответила, показаны её прежние сведения`, `${system} answered at ${at}`];
  return {
    resourceType: "OperationOutcome",
    issue: [
      {
        severity: "information",
        code: "informational",
        details: { text },
        diagnostics,
        expression: [system],
      },
    ],
  };
}
