import * as oidc from "openid-client";
import { SingleFlight } from "../../cache/single-flight.ts";
import type { Clock } from "../../core/clock.ts";
import { type RequestContext, systemContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import { sharedTenant } from "../../core/shared-tenant.ts";
import type { Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { refusalOf, signInFailure } from "./errors.ts";
import { type ClaimNames, gatewaySignIn } from "./gateway-claims.ts";
import { attemptError } from "./gateway-errors.ts";
import type { IdentityProvider, SignedIn } from "./identity-provider.ts";

export interface GatewayOptions {
  upstream: Upstream;
  clock: Clock;
  timeoutMs: number;
  /** the vendor's OpenID Connect issuer */
  issuer: string;
  clientId: string;
  clientSecret: string;
  scope: string;
  claimNames?: Partial<ClaimNames>;
}

const system = "esia";
const common = { system, priority: "interactive", maxBytes: 262_144 } as const;
const discovery = { ...common, name: "oidc/discovery", effect: "read", cacheSeconds: 3_600 } as const;
// plain OpenID Connect: a code whose answer was lost is spent
const exchange = { ...common, name: "oidc/token", effect: "write", cacheSeconds: 0 } as const;
const skewSeconds = 60;

type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** ESIA behind a vendor's ready-made solution: plain OpenID Connect with a secret. */
export class GatewayEsia implements IdentityProvider {
  readonly kind = "gateway";
  readonly #options: GatewayOptions;
  readonly #refreshes = new SingleFlight();
  #keys: oidc.ExportedJWKSCache | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  authorizationUrl: IdentityProvider["authorizationUrl"] = async ({ state, redirectUri, extra }) => {
    const ours = { redirect_uri: redirectUri, scope: this.#options.scope, state };
    const server = await this.#server(this.#ownContext());
    return oidc.buildAuthorizationUrl(this.#configuration(server), { ...extra, ...ours }).href;
  };

  signIn: IdentityProvider["signIn"] = ({ code, redirectUri, iss }, ctx) =>
    this.#complete(ctx, (configuration) => {
      const callback = new URL(redirectUri);
      callback.searchParams.set("code", code);
      if (iss !== undefined) callback.searchParams.set("iss", iss);
      return oidc.authorizationCodeGrant(configuration, callback, {
        // the flow has compared the state already
        expectedState: oidc.skipStateCheck,
        idTokenExpected: true,
      });
    });

  refresh: IdentityProvider["refresh"] = (refreshToken, _redirectUri, ctx) =>
    this.#refreshes.run(refreshToken, () =>
      this.#complete(ctx, (configuration) => oidc.refreshTokenGrant(configuration, refreshToken)),
    );

  logoutUrl: IdentityProvider["logoutUrl"] = async (redirectUrl) => {
    const server = await this.#server(this.#ownContext());
    // without an end of session there is none to end but ours
    if (!server.end_session_endpoint) return redirectUrl;
    const parameters = { post_logout_redirect_uri: redirectUrl };
    return oidc.buildEndSessionUrl(this.#configuration(server), parameters).href;
  };

  // the vendor keeps its certificates itself
  notices = (): readonly string[] => [];

  refusal = refusalOf;

  async #complete(
    ctx: RequestContext,
    grant: (configuration: oidc.Configuration) => Promise<Tokens>,
  ): Promise<SignedIn> {
    // the vendor's description is nobody's own
    const server = await this.#server({ ...ctx, actor: { ...ctx.actor, tenant: sharedTenant } });
    return this.#call(exchange, ctx, async (attempt) => {
      const configuration = this.#configuration(server, attempt);
      oidc.enableNonRepudiationChecks(configuration);
      if (this.#keys) oidc.setJwksCache(configuration, this.#keys);
      const tokens = await grant(configuration);
      this.#keys = oidc.getJwksCache(configuration) ?? this.#keys;
      const claims = tokens.claims();
      if (!claims) throw new GatewayError("upstream-wrong-shape", { system, detail: "no id_token" });
      // the library looks at exp and nbf only
      if (claims.iat - skewSeconds > this.#options.clock.now() / 1_000)
        throw new GatewayError("esia-token-time", { system, detail: "iat" });
      const profile = await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return gatewaySignIn(
        { ...claims, ...profile },
        {
          names: this.#options.claimNames,
          expiresAt: this.#options.clock.now() + (tokens.expires_in ?? 0) * 1_000,
          refreshToken: tokens.refresh_token,
        },
      );
    });
  }

  #server(ctx: RequestContext): Promise<oidc.ServerMetadata> {
    const { issuer, clientId } = this.#options;
    return this.#call(
      discovery,
      ctx,
      async (attempt) => {
        const found = await oidc.discovery(new URL(issuer), clientId, undefined, undefined, {
          [oidc.customFetch]: fetchOf(attempt),
          execute: this.#isPlain ? [oidc.allowInsecureRequests] : [],
        });
        // functions that the library adds can't be kept
        return JSON.parse(JSON.stringify(found.serverMetadata())) as oidc.ServerMetadata;
      },
      [issuer],
    );
  }

  #configuration(server: oidc.ServerMetadata, attempt?: Attempt): oidc.Configuration {
    const { clientId, clientSecret, clock } = this.#options;
    const configuration = new oidc.Configuration(
      // one portal only: its callback may come without RFC 9207's iss, which is checked where it comes
      { ...server, authorization_response_iss_parameter_supported: false },
      clientId,
      {
        client_secret: clientSecret,
        [oidc.clockSkew]: Math.round((clock.now() - Date.now()) / 1_000),
        [oidc.clockTolerance]: skewSeconds,
      },
    );
    if (attempt) configuration[oidc.customFetch] = fetchOf(attempt);
    if (this.#isPlain) oidc.allowInsecureRequests(configuration);
    return configuration;
  }

  // settings let plain http through for a sandbox only
  get #isPlain(): boolean {
    return this.#options.issuer.startsWith("http://");
  }

  async #call<T>(
    operation: Omit<Operation, "timeoutMs">,
    ctx: RequestContext,
    send: (attempt: Attempt) => Promise<T>,
    cacheKey?: readonly string[],
  ): Promise<T> {
    const { upstream, timeoutMs } = this.#options;
    const coded = (attempt: Attempt) => send(attempt).catch((thrown) => Promise.reject(attemptError(thrown)));
    try {
      const fetched = await upstream.call(
        { ...operation, timeoutMs },
        undefined,
        { cacheKey, send: coded },
        ctx,
      );
      return fetched.value;
    } catch (thrown) {
      throw signInFailure(thrown);
    }
  }

  /** For what no request of a person asks: the vendor's own description. */
  #ownContext(): RequestContext {
    const { clock, timeoutMs } = this.#options;
    return systemContext({
      id: "gateway",
      tenant: sharedTenant,
      requestId: "esia-discovery",
      deadline: clock.now() + timeoutMs,
      log: silentLogger,
    });
  }
}

const fetchOf =
  (attempt: Attempt): oidc.CustomFetch =>
  (url, init) =>
    attempt.fetch(url, init as RequestInit);
