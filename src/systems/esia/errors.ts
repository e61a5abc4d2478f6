import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Refusal } from "./identity-provider.ts";

/** ESIA's code -> ours; what it does not hold is `esia-request-rejected`. */
const codeOfEsia: ReadonlyMap<string, ErrorCode> = new Map(
  Object.entries<ErrorCode>({
    "005011": "sign-in-expired",
    "005013": "sign-in-expired",
    "005029": "esia-scope-rejected",
    "007002": "esia-client-rejected",
    "007004": "sign-in-cancelled",
    "007005": "esia-client-rejected",
    "007006": "esia-scope-rejected",
    "007007": "auth-upstream-down",
    "007008": "auth-upstream-down",
    "007011": "sign-in-expired",
    "007013": "esia-scope-rejected",
    "007015": "esia-clock-rejected",
    "007019": "esia-scope-rejected",
    "007023": "auth-redirect-rejected",
    "007046": "second-factor-missing",
    "007053": "esia-client-rejected",
    "007055": "account-not-confirmed",
    "007062": "profile-organization-mismatch",
    "007110": "auth-upstream-down",
    "007194": "profile-organization-mismatch",
    "008010": "esia-client-rejected",
  }),
);

/** RFC 6749 errors, for a refusal without one of ESIA's codes. */
const codeOfOAuth: ReadonlyMap<string, ErrorCode> = new Map(
  Object.entries<ErrorCode>({
    access_denied: "sign-in-cancelled",
    invalid_client: "esia-client-rejected",
    unauthorized_client: "esia-client-rejected",
    invalid_scope: "esia-scope-rejected",
    invalid_grant: "sign-in-expired",
    server_error: "auth-upstream-down",
    temporarily_unavailable: "auth-upstream-down",
  }),
);

const retryAfterSeconds = 60;

/** `ESIA-NNNNNN` at the head of a description, or undefined. */
export function esiaCodeOf(description: string | undefined): string | undefined {
  return /^ESIA-(\d{6})(?!\d)/.exec(description ?? "")?.[1];
}

/** The error of our table for what ESIA or an OAuth server refused; only its code goes into the detail. */
export function refusalOf({ error, description }: Refusal): GatewayError {
  const esia = esiaCodeOf(description);
  const code = (esia ? codeOfEsia.get(esia) : codeOfOAuth.get(error)) ?? "esia-request-rejected";
  return new GatewayError(code, {
    system: "esia",
    detail: esia ? `ESIA-${esia}${missingParameters(description)}` : oauthDetail(error),
    ...(code === "auth-upstream-down" && { retryAfter: retryAfterSeconds }),
  });
}

// 007014 names what is lacking: `[state, client_id]`
function missingParameters(description = ""): string {
  const names = /\[[a-z_]+(, ?[a-z_]+)*\]/.exec(description)?.[0];
  return names ? ` ${names.slice(0, 200)}` : "";
}

// whoever forges a callback must not write into our answers
function oauthDetail(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? `OAuth error ${error}` : "an unreadable OAuth error";
}

const downCodes = new Set<ErrorCode>([
  "upstream-unavailable",
  "upstream-timeout",
  "upstream-malformed",
  "upstream-rate-limited",
]);

/** What a person at the sign-in page is told when a call failed: any failure of the way is "the portal is down". */
export function signInFailure(thrown: unknown): unknown {
  if (!(thrown instanceof GatewayError) || !downCodes.has(thrown.code)) return thrown;
  return new GatewayError("auth-upstream-down", {
    system: "esia",
    detail: thrown.detail,
    retryAfter: thrown.retryAfter ?? retryAfterSeconds,
    cause: thrown,
  });
}

/** The same inside an attempt: a transient refusal must reach the pipeline as one that may be tried again. */
export function attemptFailureOf(refusal: Refusal): GatewayError {
  const error = refusalOf(refusal);
  if (error.code !== "auth-upstream-down") return error;
  return new GatewayError("upstream-unavailable", { system: "esia", detail: error.detail, cause: error });
}
