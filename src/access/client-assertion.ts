import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../core/clock.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { ClaimOnce } from "../store/once.ts";
import type { NamedHuman } from "./access-token.ts";
import { actsFor, type Client, type ClientRegistry } from "./clients.ts";
import { humanClaim } from "./human-claim.ts";

export interface AssertionCheck {
  clients: ClientRegistry;
  /** the token endpoint's URL, the only accepted audience */
  audience: string;
  claimOnce: ClaimOnce;
  clock: Clock;
}

const longestLifeSeconds = 300;
const skewSeconds = 30;

export interface AuthenticatedClient {
  client: Client;
  /** the worker behind it, as it says; ФРМР has not been asked yet */
  human?: NamedHuman;
}

/**
 * Authenticates a client by its `private_key_jwt` assertion (RFC 7523, SMART Backend Services: RS384 or
 * ES384, `exp` at most 5 minutes ahead, `jti` accepted once). Throws GatewayError `invalid-client` for an
 * unknown client and `invalid-assertion` for everything that is wrong with the assertion.
 */
export async function authenticateClient(
  assertion: string,
  check: AssertionCheck,
): Promise<AuthenticatedClient> {
  const client = check.clients.find(claimedIssuer(assertion));
  if (!client) throw new GatewayError("invalid-client", { field: "client_assertion.iss" });
  const { jti, exp, human } = await verify(assertion, client, check);
  const ahead = exp - check.clock.now() / 1000;
  if (ahead > longestLifeSeconds + skewSeconds)
    throw refused("exp is more than 5 minutes ahead", "client_assertion.exp");
  const fresh = await check.claimOnce(
    "client-assertion",
    `${client.clientId} ${jti}`,
    // RFC 7519 allows fractions of a second
    Math.ceil((exp + skewSeconds) * 1000),
  );
  if (!fresh) throw refused("jti was used before", "client_assertion.jti");
  return { client, human };
}

function claimedIssuer(assertion: string): string {
  try {
    const { iss } = decodeJwt(assertion);
    if (iss) return iss;
  } catch (cause) {
    throw refused("not a JWT", "client_assertion", cause);
  }
  throw refused("iss is missing", "client_assertion.iss");
}

async function verify(assertion: string, client: Client, check: AssertionCheck) {
  try {
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(client.jwks), {
      algorithms: ["RS384", "ES384"],
      audience: check.audience,
      issuer: client.clientId,
      subject: client.clientId,
      requiredClaims: ["exp", "jti"],
      clockTolerance: skewSeconds,
      currentDate: new Date(check.clock.now()),
    });
    return { jti: String(payload.jti), exp: Number(payload.exp), human: servedHuman(payload, client) };
  } catch (cause) {
    if (isGatewayError(cause)) throw cause;
    const claim =
      cause instanceof errors.JWTClaimValidationFailed || cause instanceof errors.JWTExpired
        ? `.${cause.claim}`
        : "";
    const detail =
      cause instanceof errors.JOSEError ? `assertion refused: ${cause.code}` : "assertion refused";
    throw refused(detail, `client_assertion${claim}`, cause);
  }
}

/** The worker whom it names, of an organisation that the client acts for. */
function servedHuman(payload: JWTPayload, client: Client): NamedHuman | undefined {
  const human = humanClaim(payload);
  if (!human || actsFor(client, human.organization)) return human;
  throw refused(
    "the client is not registered for this organisation",
    "client_assertion.extensions.hl7-b2b/organization_id",
  );
}

const refused = (detail: string, field: string, cause?: unknown) =>
  new GatewayError("invalid-assertion", { detail, field, cause });
