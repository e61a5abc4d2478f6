import type { Person } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import type { GatewayError } from "../../core/errors.ts";

/** A document as the person's ESIA profile holds it; `verified` by the registry that issued it. */
export interface IdentityDocument {
  /** ESIA's mnemonic: RF_PASSPORT, MDCL_PLCY, … */
  type: string;
  series?: string;
  number?: string;
  /** ISO day */
  issueDate?: string;
  issuedBy?: string;
  /** ЕНП of a medical policy */
  unitedNumber?: string;
  verified: boolean;
}

/** The person as an employee of an organisation, by ESIA: a hint only, ФРМР decides. */
export interface EmployeeRole {
  /** ESIA's own number of the organisation */
  organizationOid: string;
  ogrn: string;
  name: string;
  /** false: the organisation blocked this employee or was liquidated */
  active: boolean;
  chief: boolean;
}

export interface SignedIn {
  /** ESIA oid: stable across sign-ins */
  subject: string;
  /** ESIA's session */
  sid: string;
  confirmed: boolean;
  level: "confirmed" | "simplified" | "child";
  /** clock milliseconds of the real login, which may be older than this sign-in */
  authTime: number;
  /** PWD or DS; carries no second-factor marker */
  amr: string;
  /** clock milliseconds at which the access token ends */
  expiresAt: number;
  refreshToken?: string;
  person: Person;
  documents: readonly IdentityDocument[];
  roles: readonly EmployeeRole[];
}

/** What came back to the redirect address instead of a code. */
export interface Refusal {
  error: string;
  description?: string;
}

/** Sign-in at the state portal: by its own protocol or through a vendor's OpenID Connect gateway. */
export interface IdentityProvider {
  readonly kind: "direct" | "gateway";
  /** `extra` adds parameters that are not signed; it can't replace ours. */
  authorizationUrl(request: {
    state: string;
    redirectUri: string;
    extra?: Readonly<Record<string, string>>;
  }): Promise<string>;
  /** The caller has checked `state`; `iss` is RFC 9207's parameter where the provider sends one. */
  signIn(
    request: { code: string; redirectUri: string; iss?: string },
    ctx: RequestContext,
  ): Promise<SignedIn>;
  /** Calls with the same token that overlap share one exchange: the old token is spent by it. */
  refresh(refreshToken: string, redirectUri: string, ctx: RequestContext): Promise<SignedIn>;
  /** Where the browser goes to end the portal's own session; end ours first. */
  logoutUrl(redirectUrl: string): Promise<string>;
  /** Sentences for the operator: certificates that have run out or soon will. */
  notices(): readonly string[];
  /** The error of our table for a callback that carries `error`. */
  refusal(refusal: Refusal): GatewayError;
}
