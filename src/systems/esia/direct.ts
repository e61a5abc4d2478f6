import type { Organization, Person } from "@medplum/fhirtypes";
import { SingleFlight } from "../../cache/single-flight.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { parseCertificate } from "../../crypto/x509.ts";
import type { Mapping } from "../../fml/module.ts";
import type { Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { datesOf } from "./certificate-dates.ts";
import { refusalOf, signInFailure } from "./errors.ts";
import type { IdentityProvider, SignedIn } from "./identity-provider.ts";
import * as rest from "./rest.ts";
import { TokenReader, type TokenTrust } from "./token.ts";
import { type EsiaRegistration, type TokenAnswer, TokenEndpoint } from "./token-endpoint.ts";
import type { IdClaims } from "./wire.ts";

export interface DirectOptions {
  upstream: Upstream;
  timeoutMs: number;
  registration: EsiaRegistration;
  trust: Omit<TokenTrust, "clientId" | "clock">;
  /** mappings/esia/person/to-fhir */
  toFhir: Pick<Mapping, "convert">;
}

type NamedOperation = Omit<Operation, "timeoutMs">;

const common = { system: "esia", cacheSeconds: 0, priority: "interactive", maxBytes: 262_144 } as const;

// the exchange is flaky there and may be tried again, each time with a new state and time
const exchange: NamedOperation = { ...common, name: "oauth2/te", effect: "write", repeatable: true };
const reading = (name: string): NamedOperation => ({ ...common, name, effect: "read" });

const organizationScopes = ["org_shortname", "org_fullname", "org_ogrn", "org_inn"];

/** ESIA by its own protocol: GOST-signed requests, tokens checked against pinned certificates, REST. */
export class DirectEsia implements IdentityProvider {
  readonly kind = "direct";
  readonly #options: DirectOptions;
  readonly #endpoint: TokenEndpoint;
  readonly #tokens: TokenReader;
  readonly #refreshes = new SingleFlight();

  constructor(options: DirectOptions) {
    const { clientId, clock } = options.registration;
    this.#options = options;
    this.#endpoint = new TokenEndpoint(options.registration);
    this.#tokens = new TokenReader({ ...options.trust, clientId, clock });
  }

  authorizationUrl: IdentityProvider["authorizationUrl"] = ({ state, redirectUri, extra }) =>
    this.#endpoint.authorizationUrl(state, redirectUri, extra);

  signIn: IdentityProvider["signIn"] = ({ code, redirectUri }, ctx) =>
    this.#complete((attempt) => this.#endpoint.byCode(code, redirectUri, attempt), ctx);

  refresh: IdentityProvider["refresh"] = (refreshToken, redirectUri, ctx) =>
    this.#refreshes.run(refreshToken, () =>
      this.#complete((attempt) => this.#endpoint.byRefreshToken(refreshToken, redirectUri, attempt), ctx),
    );

  async logoutUrl(redirectUrl: string): Promise<string> {
    const { baseUrl, clientId } = this.#options.registration;
    const query = new URLSearchParams({ client_id: clientId, redirect_url: redirectUrl });
    return `${baseUrl}/idp/ext/Logout?${query}`;
  }

  notices(): readonly string[] {
    const { clientId, clock, signer } = this.#options.registration;
    const ours = parseCertificate(signer.certificateDer);
    return [...datesOf(`The certificate of ${clientId}`, ours, clock.now()), ...this.#tokens.notices()];
  }

  refusal = refusalOf;

  /**
   * An organisation by its ESIA oid, under a token of the system itself.
   * Throws GatewayError: `esia-scope-rejected` where the organisation's scopes are not granted.
   */
  async organization(oid: string, redirectUri: string, ctx: RequestContext): Promise<Organization> {
    // the prefix is the production host's in every environment
    const scope = organizationScopes
      .map((name) => `http://esia.gosuslugi.ru/${name}?org_oid=${oid}`)
      .join(" ");
    return this.#reported(async () => {
      const { accessToken } = await this.#call(
        exchange,
        (attempt) => this.#endpoint.asSystem(scope, redirectUri, attempt),
        ctx,
      );
      await this.#tokens.accessToken(accessToken);
      const question = { baseUrl: this.#options.registration.baseUrl, accessToken };
      return this.#call(reading("rs/orgs"), (attempt) => rest.readOrganization(question, oid, attempt), ctx);
    });
  }

  #complete(exchanged: (attempt: Attempt) => Promise<TokenAnswer>, ctx: RequestContext): Promise<SignedIn> {
    return this.#reported(async () => {
      const answer = await this.#call(exchange, exchanged, ctx);
      if (!answer.idToken)
        throw new GatewayError("upstream-wrong-shape", { system: "esia", detail: "no id_token" });
      const { id, access } = await this.#tokens.pair(answer.idToken, answer.accessToken);
      const { trusted, ...profile } = await this.#profile(String(id.sub), answer.accessToken, ctx);
      return {
        ...sessionFacts(id),
        ...profile,
        confirmed: trusted && id["urn:esia:sbj"]?.["urn:esia:sbj:is_tru"] === true,
        expiresAt: access.exp * 1_000,
        refreshToken: answer.refreshToken,
      };
    });
  }

  async #profile(oid: string, accessToken: string, ctx: RequestContext) {
    const { registration, toFhir } = this.#options;
    const { baseUrl, scope } = registration;
    const asks = (...names: string[]) => scope.split(" ").some((name) => names.includes(name));
    const question = { baseUrl, accessToken, contacts: asks("email", "mobile", "contacts") };
    const ask = <T>(name: string, read: (attempt: Attempt) => Promise<T>) =>
      this.#call(reading(name), read, ctx);
    const [profile, documents, roles] = await Promise.all([
      ask("rs/prns", async (attempt) => {
        const row = await rest.readProfile(question, oid, attempt);
        return { person: toFhir.convert(row) as Person, trusted: row.trusted === true };
      }),
      asks("id_doc", "medical_doc", "foreign_passport_doc")
        ? ask("rs/prns/docs", (attempt) => rest.readDocuments(question, oid, attempt))
        : [],
      asks("usr_org") ? ask("rs/prns/roles", (attempt) => rest.readRoles(question, oid, attempt)) : [],
    ]);
    return { ...profile, documents, roles };
  }

  async #call<T>(operation: NamedOperation, send: (attempt: Attempt) => Promise<T>, ctx: RequestContext) {
    const { upstream, timeoutMs } = this.#options;
    const { value } = await upstream.call({ ...operation, timeoutMs }, undefined, { send }, ctx);
    return value;
  }

  async #reported<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw signInFailure(thrown);
    }
  }
}

function sessionFacts(id: IdClaims): Pick<SignedIn, "subject" | "sid" | "level" | "authTime" | "amr"> {
  const account = id["urn:esia:sbj"];
  // a biometric or an organisation's login is another contract
  if ((account?.["urn:esia:sbj:typ"] ?? "P") !== "P")
    throw new GatewayError("esia-token-malformed", { system: "esia", detail: "not a person" });
  return {
    subject: String(id.sub),
    sid: id["urn:esia:sid"],
    level: levelOf(account?.["urn:esia:sbj:lvl"], account?.["urn:esia:sbj:is_tru"] === true),
    authTime: (id.auth_time ?? id.iat) * 1_000,
    amr: [id.amr ?? []].flat().join(" "),
  };
}

function levelOf(level: string | undefined, trusted: boolean): SignedIn["level"] {
  if (level === "KD") return "child";
  // older tokens carry no level
  return level === "PR" || (level === undefined && trusted) ? "confirmed" : "simplified";
}
