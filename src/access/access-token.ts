import { errors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import type { CacheSpec } from "../cache/spec.ts";
import type { Clock } from "../core/clock.ts";
import type { Actor, Duty, PurposeOfUse, SignatureLevel } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import { parseScope, type Scope } from "./scopes.ts";
import { revocationOf, type TokenRevocations } from "./token-revocations.ts";

/** What a valid token says; times in clock milliseconds. */
export interface TokenFacts {
  /** jti */
  id: string;
  issuedAt: number;
  actor: Actor;
  scopes: readonly Scope[];
  expiresAt: number;
  /** made here to carry out what its caller was told to wait for */
  deferred?: true;
}

/** The medical worker behind a client system; ids are logical, the organisation a ФРМО OID. */
export interface NamedHuman {
  person: string;
  role: string;
  organization: string;
  purpose: PurposeOfUse;
}

export interface TokenGrant {
  clientId: string;
  tenant: string;
  duties?: readonly Duty[];
  remit?: readonly string[];
  human?: NamedHuman;
  signature?: SignatureLevel;
  deferred?: true;
}

export interface IssuedToken {
  access_token: string;
  token_type: "Bearer";
  expires_in: number;
  scope: string;
}

export interface TokenSettings {
  /** shared by all replicas, so that any of them can check a token */
  key: Uint8Array;
  issuer: string;
  audience: string;
  lifeSeconds: number;
  clock: Clock;
  revocations: TokenRevocations;
}

interface CheckedToken {
  facts: TokenFacts;
  revocation: CacheSpec;
}

/**
 * Access tokens of client systems: JWTs that any replica can check (RFC 9068). Facts of a token once
 * checked stay in memory until it expires, so that a busy client costs one signature check, not one a request.
 */
export class AccessTokens {
  readonly #settings: TokenSettings;
  readonly #checked = new LRUCache<string, CheckedToken>({ max: 10_000 });

  constructor(settings: TokenSettings) {
    this.#settings = settings;
  }

  /** Issues a token for a client, and the human whom it named, with the scopes granted to it. */
  async issue(grant: TokenGrant, scopes: readonly string[]): Promise<IssuedToken> {
    const { issuer, audience, lifeSeconds, key, clock } = this.#settings;
    const now = Math.floor(clock.now() / 1000);
    const scope = scopes.join(" ");
    const { clientId, ...facts } = grant;
    const token = await new SignJWT({ client_id: clientId, scope, ...facts })
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(clientId)
      .setIssuedAt(now)
      .setExpirationTime(now + lifeSeconds)
      .setJti(crypto.randomUUID())
      .sign(key);
    return { access_token: token, token_type: "Bearer", expires_in: lifeSeconds, scope };
  }

  /** Facts of a token already checked on this replica, without a promise; undefined when it must be checked. */
  known(token: string): TokenFacts | undefined {
    const checked = this.#stillFresh(token);
    return checked && this.#settings.revocations.isKnownGood(checked.revocation) ? checked.facts : undefined;
  }

  /** Checks a token; throws GatewayError `token-expired` or `unauthorized`, for a revoked one too. */
  async check(token: string): Promise<TokenFacts> {
    const { facts, revocation } = this.#stillFresh(token) ?? (await this.#verified(token));
    if (await this.#settings.revocations.isRevoked(revocation))
      throw new GatewayError("unauthorized", { detail: "the access token was revoked" });
    return facts;
  }

  /** True for a token that was ended before its time, by its `jti`; one that has run out is not. */
  isRevoked(id: string): Promise<boolean> {
    return this.#settings.revocations.isRevoked(revocationOf(id));
  }

  /** Ends a token on every replica before its time. */
  revoke({ id, expiresAt }: TokenFacts): Promise<void> {
    return this.#settings.revocations.revoke(id, expiresAt);
  }

  #stillFresh(token: string): CheckedToken | undefined {
    const checked = this.#checked.get(token);
    return checked && checked.facts.expiresAt > this.#settings.clock.now() ? checked : undefined;
  }

  async #verified(token: string): Promise<CheckedToken> {
    const facts = await this.#verify(token);
    const checked = { facts, revocation: revocationOf(facts.id) };
    this.#checked.set(token, checked);
    return checked;
  }

  async #verify(token: string): Promise<TokenFacts> {
    const { issuer, audience, key, clock } = this.#settings;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ["HS256"],
        typ: "at+jwt",
        issuer,
        audience,
        currentDate: new Date(clock.now()),
      });
      return factsOf(payload);
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) throw new GatewayError("token-expired", { cause });
      throw new GatewayError("unauthorized", { detail: "the access token is not valid", cause });
    }
  }
}

/** What a named human adds to the actor of a client system. */
export const actingAs = ({ person, role, organization, purpose }: NamedHuman) => ({
  onBehalfOf: person,
  role,
  organization,
  purpose,
});

function factsOf(payload: Record<string, unknown>): TokenFacts {
  const scopes = String(payload.scope).split(" ").filter(Boolean);
  // our own signature vouches for their shape
  const human = payload.human as NamedHuman | undefined;
  return {
    id: String(payload.jti),
    issuedAt: Number(payload.iat) * 1000,
    actor: {
      kind: "client",
      id: String(payload.client_id),
      tenant: String(payload.tenant),
      scopes,
      duties: payload.duties as readonly Duty[] | undefined,
      remit: payload.remit as readonly string[] | undefined,
      ...(human && { ...actingAs(human), signature: payload.signature as SignatureLevel | undefined }),
    },
    scopes: scopes.map(parseScope).filter((scope) => scope !== undefined),
    expiresAt: Number(payload.exp) * 1000,
    ...(payload.deferred === true && { deferred: true }),
  };
}
