import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Signer } from "../../crypto/signer.ts";
import type { Attempt } from "../../upstream/operation.ts";
import { answerOf } from "./answer.ts";
import { attemptFailureOf } from "./errors.ts";
import {
  certificateHash,
  clientSecret,
  esiaTimestamp,
  type RefreshOrderName,
  refreshOrders,
  type SignedFields,
  signedString,
} from "./secret.ts";
import { shapes } from "./wire.ts";

export interface EsiaRegistration {
  /** ESIA's host, without a slash at its end */
  baseUrl: string;
  /** the system's mnemonic */
  clientId: string;
  /** space separated */
  scope: string;
  /** GOST R 34.10-2012, 256 bits, with the registered certificate */
  signer: Signer;
  clock: Clock;
  refreshOrder: RefreshOrderName;
}

export interface TokenAnswer {
  accessToken: string;
  idToken?: string;
  refreshToken?: string;
}

interface Grant {
  redirectUri: string;
  /** of this grant, when it is not that of the registration */
  scope?: string;
  /** grant_type and what belongs to it */
  fields: Readonly<Record<string, string>>;
  signed(fields: SignedFields): string;
  omitted?: readonly string[];
}

/** The signed requests of ESIA's version 2 and 3 protocol: v2/ac and every grant of v3/te. */
export class TokenEndpoint {
  readonly #registration: EsiaRegistration;
  readonly #certificateHash: string;

  constructor(registration: EsiaRegistration) {
    if (registration.signer.algorithm !== "gost-256")
      throw new GatewayError("internal", {
        detail: "ESIA takes requests signed with GOST R 34.10-2012-256 only",
      });
    this.#registration = registration;
    this.#certificateHash = certificateHash(registration.signer.certificateDer);
  }

  /** The address that the browser is sent to; another order than the usual one is for the self-test. */
  async authorizationUrl(
    state: string,
    redirectUri: string,
    extra: Readonly<Record<string, string>> = {},
    order: (fields: SignedFields) => string = signedString,
  ): Promise<string> {
    const fields = this.#fields(redirectUri, state);
    const signed = await this.#form(fields, order(fields));
    const query = new URLSearchParams({ ...extra, ...signed, response_type: "code", access_type: "offline" });
    return `${this.#registration.baseUrl}/aas/oauth2/v2/ac?${query}`;
  }

  byCode(code: string, redirectUri: string, attempt: Attempt): Promise<TokenAnswer> {
    const fields = { grant_type: "authorization_code", code };
    return this.#exchange({ redirectUri, fields, signed: (common) => signedString(common, code) }, attempt);
  }

  byRefreshToken(refreshToken: string, redirectUri: string, attempt: Attempt): Promise<TokenAnswer> {
    const { signed, omitted } = refreshOrders[this.#registration.refreshOrder];
    const fields = { grant_type: "refresh_token", refresh_token: refreshToken };
    return this.#exchange(
      { redirectUri, fields, omitted, signed: (common) => signed(common, refreshToken) },
      attempt,
    );
  }

  /** A token of the system itself, for data of an organisation. */
  asSystem(scope: string, redirectUri: string, attempt: Attempt): Promise<TokenAnswer> {
    const fields = { grant_type: "client_credentials", response_type: "token" };
    return this.#exchange({ redirectUri, scope, fields, signed: (common) => signedString(common) }, attempt);
  }

  async #exchange(grant: Grant, attempt: Attempt): Promise<TokenAnswer> {
    // a state of its own for each attempt, never that of v2/ac
    const common = this.#fields(grant.redirectUri, randomUUID(), grant.scope);
    const form = await this.#form(common, grant.signed(common));
    const kept = Object.entries(form).filter(([name]) => !grant.omitted?.includes(name));
    const response = await attempt.fetch(`${this.#registration.baseUrl}/aas/oauth2/v3/te`, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({ ...Object.fromEntries(kept), ...grant.fields, token_type: "Bearer" }),
    });
    return tokensIn(response.ok, await answerOf(response), common.state);
  }

  #fields(redirectUri: string, state: string, scope = this.#registration.scope): SignedFields {
    const { clientId, clock } = this.#registration;
    return { clientId, scope, redirectUri, state, timestamp: esiaTimestamp(clock.now()) };
  }

  async #form(fields: SignedFields, text: string): Promise<Record<string, string>> {
    return {
      client_id: fields.clientId,
      client_secret: await clientSecret(this.#registration.signer, text),
      client_certificate_hash: this.#certificateHash,
      redirect_uri: fields.redirectUri,
      scope: fields.scope,
      state: fields.state,
      timestamp: fields.timestamp,
    };
  }
}

function tokensIn(ok: boolean, answer: unknown, state: string): TokenAnswer {
  if (!ok) {
    const known = shapes.oauthError.Check(answer) ? answer : { error: "unreadable" };
    throw attemptFailureOf({ error: known.error, description: known.error_description });
  }
  if (!shapes.tokenAnswer.Check(answer))
    throw new GatewayError("upstream-wrong-shape", {
      system: "esia",
      detail: "answer of the token endpoint",
    });
  if (answer.state !== state)
    throw new GatewayError("esia-token-mismatch", { system: "esia", detail: "state" });
  return {
    accessToken: answer.access_token,
    idToken: answer.id_token,
    refreshToken: answer.refresh_token,
  };
}
