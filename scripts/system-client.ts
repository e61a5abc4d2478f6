import { randomUUID } from "node:crypto";
import { importJWK, type JWK, SignJWT } from "jose";

export interface SystemKey {
  clientId: string;
  /** private JWK with `alg` RS384 or ES384 */
  jwk: JWK;
}

/** A client assertion of RFC 7523; `claims` overrides what is right, for tests of what is wrong. */
export async function clientAssertion(
  { clientId, jwk }: SystemKey,
  tokenUrl: string,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const expiresAt = Math.floor(Date.now() / 1000) + 240;
  return new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: tokenUrl,
    exp: expiresAt,
    jti: randomUUID(),
    ...claims,
  })
    .setProtectedHeader({ alg: jwk.alg ?? "ES384", kid: jwk.kid, typ: "JWT" })
    .sign(await importJWK(jwk, jwk.alg ?? "ES384"));
}

/** Asks the token endpoint with a ready assertion. */
export function requestToken(tokenUrl: string, assertion: string, scope: string): Promise<Response> {
  return fetch(tokenUrl, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
      scope,
    }),
  });
}
