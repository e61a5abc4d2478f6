import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import { type ErrorCode, type ErrorRow, errorTable } from "./error-table.ts";

export interface ErrorDetails {
  /** English, for engineers; must hold no personal data */
  detail?: string;
  /** FHIRPath, JSON pointer or parameter name of what to mend */
  field?: string;
  /** seconds after which the call may be repeated */
  retryAfter?: number;
  /** the external system concerned */
  system?: string;
  cause?: unknown;
  /** what is wrong element by element, where one sentence does not say it */
  issues?: readonly OperationOutcomeIssue[];
}

/** What a caller's program may do after an error. */
export interface RetryContract {
  /** the same call may be sent again */
  retryable: boolean;
  /** seconds, not sooner */
  retryAfter?: number;
  /** it may have been carried out: only with the same Idempotency-Key */
  sameRequestId: boolean;
}

const defaultRetryAfter = 5;

/** The only error that systems, flows and doors throw; `code` names its row in the error table. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly field?: string;
  readonly retryAfter?: number;
  readonly system?: string;
  readonly issues?: readonly OperationOutcomeIssue[];

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail ?? errorTable[code].meaning, { cause: details.cause });
    this.code = code;
    this.detail = details.detail;
    this.field = details.field;
    this.retryAfter = details.retryAfter;
    this.system = details.system;
    this.issues = details.issues;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }

  /** The retry contract of the row, with the wait that was asked for; refusals for load always name one. */
  get retry(): RetryContract {
    const { retry, status } = this.row;
    const retryable = retry === "later" || retry === "same-key";
    const wait = this.retryAfter ?? (status === 429 || status === 503 ? defaultRetryAfter : undefined);
    return {
      retryable,
      ...(retryable && wait !== undefined && { retryAfter: Math.ceil(wait) }),
      sameRequestId: retry === "same-key",
    };
  }
}

/** True for an error that carries a code of our table. */
export function isGatewayError(error: unknown): error is GatewayError {
  return error instanceof GatewayError;
}
