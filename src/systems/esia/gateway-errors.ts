import { ClientError, ResponseBodyError } from "openid-client";
import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { WireFailure } from "../../upstream/wire-failure.ts";
import { attemptFailureOf } from "./errors.ts";

const codeOfClaim: ReadonlyMap<unknown, ErrorCode> = new Map([
  ["iss", "esia-token-issuer"],
  ["aud", "esia-token-audience"],
  ["azp", "esia-token-audience"],
]);

/** What the OpenID Connect library threw, as the pipeline understands it. */
export function attemptError(thrown: unknown): unknown {
  if (isGatewayError(thrown) || !(thrown instanceof Error)) return thrown;
  if (thrown instanceof ResponseBodyError)
    return attemptFailureOf({ error: thrown.error, description: thrown.error_description });
  const wire = [thrown, thrown.cause].find((link) => link instanceof WireFailure);
  if (wire) return wire;
  if (!(thrown instanceof ClientError)) return thrown;
  return new GatewayError(tokenCode(thrown), { system: "esia", detail: thrown.code, cause: thrown });
}

function tokenCode(error: ClientError): ErrorCode {
  const { message, cause } = (error.cause ?? error) as Error;
  if (error.code === "OAUTH_JWT_TIMESTAMP_CHECK_FAILED") return "esia-token-time";
  if (error.code === "OAUTH_JWT_CLAIM_COMPARISON_FAILED")
    return codeOfClaim.get((cause as { claim?: unknown } | undefined)?.claim) ?? "esia-token-mismatch";
  if (error.code === "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED") return "esia-token-mismatch";
  return /signature|alg|key/i.test(message) ? "esia-token-signature" : "esia-token-malformed";
}
