import type { Logger } from "../../../core/logger.ts";

/** ESIA's codes with the OAuth error and the text that go with each (sheet 1.8; texts are ours unless quoted there). */
const refusals = {
  "007002": ["invalid_client", "OAuthErrorEnum.clientCertificateWrong"],
  "007003": ["invalid_request", "The request has a wrong or repeated parameter"],
  "007004": ["access_denied", "OAuthErrorEnum.accessDenied"],
  "007005": ["unauthorized_client", "OAuthErrorEnum.unauthorizedClient"],
  "007006": ["invalid_scope", "OAuthErrorEnum.invalidScope"],
  "007007": ["server_error", "OAuthErrorEnum.serverError"],
  "007008": ["temporarily_unavailable", "OAuthErrorEnum.temporarilyUnavailable"],
  "007009": ["unsupported_response_type", "OAuthErrorEnum.unsupportedResponseType"],
  "007011": ["invalid_grant", "OAuthErrorEnum.invalidGrant"],
  "007012": ["unsupported_grant_type", "OAuthErrorEnum.unsupportedGrantType"],
  "007013": ["invalid_scope", "The request doesn`t contain a scope"],
  "007014": ["invalid_request", "The request doesn`t contain the mandatory parameter"],
  "007015": ["invalid_request", "OAuthErrorEnum.wrongTimestamp"],
  "007019": ["access_denied", "OAuthErrorEnum.noGrants"],
  "007023": ["invalid_request", "OAuthErrorEnum.wrongRedirectUri"],
  "007038": ["invalid_request", "The request parameters cannot be read"],
  "007039": ["invalid_grant", "The authorization request had no code_challenge"],
  "007040": ["invalid_grant", "code_verifier does not fit code_challenge"],
  "007046": ["access_denied", "OAuthErrorEnum.otpImpossible"],
  "007053": ["access_denied", "OAuthErrorEnum.clientSecretWrong"],
  "007055": ["access_denied", "OAuthErrorEnum.personNotConfirmed"],
  "007060": ["invalid_request", "OAuthErrorEnum.wrongRoles"],
  "007061": ["invalid_request", "OAuthErrorEnum.wrongObjectType"],
  "007062": ["invalid_request", "OAuthErrorEnum.wrongUserType"],
  "007110": ["temporarily_unavailable", "OAuthErrorEnum.temporaryFailure"],
  "007194": ["access_denied", "OAuthErrorEnum.notAnEmployee"],
  "008010": ["invalid_client", "OAuthErrorEnum.clientNotAuthenticated"],
} as const;

export type RefusalCode = keyof typeof refusals;

export const refusalCodes = Object.keys(refusals) as readonly RefusalCode[];

/** ESIA says no; `description` is the text that goes back, e.g. `ESIA-007053: OAuthErrorEnum.clientSecretWrong`. */
export class EsiaRefusal extends Error {
  override readonly name = "EsiaRefusal";
  readonly error: string;

  constructor(code: RefusalCode, names: readonly string[] = []) {
    const [error, text] = refusals[code];
    super(`ESIA-${code}: ${text}${names.length > 0 ? ` [${names.join(", ")}].` : ""}`);
    this.error = error;
  }
}

/** What an error of any kind becomes in ESIA's protocol: unreadable input is 007038, an unexpected one its own 007007. */
export function refusalOf(error: unknown, logger: Logger): EsiaRefusal {
  if (error instanceof EsiaRefusal) return error;
  const { statusCode = 500 } = error as { statusCode?: number };
  if (statusCode < 500) return new EsiaRefusal("007038");
  logger.error({ error }, "ESIA of the sandbox failed");
  return new EsiaRefusal("007007");
}
