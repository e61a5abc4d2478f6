import type { ContactPoint, Identifier, Person } from "@medplum/fhirtypes";
import { canonicalBase, identifierSystem } from "../../core/canonical.ts";
import { GatewayError } from "../../core/errors.ts";
import { isInn, snilsDigits } from "../../core/identifiers.ts";
import { employeeRoles } from "./employee-roles.ts";
import type { EmployeeRole, SignedIn } from "./identity-provider.ts";
import { type GatewayClaims, shapes } from "./wire.ts";

/** Names of the claims that OpenID Connect does not define; vendors differ. */
export interface ClaimNames {
  snils: string;
  inn: string;
  /** boolean: the account is a confirmed one */
  confirmed: string;
  sid: string;
  /** list of { oid, ogrn, fullName, active, chief } as ESIA's /roles has them */
  roles: string;
}

const usualNames: ClaimNames = {
  snils: "snils",
  inn: "inn",
  confirmed: "trusted",
  sid: "sid",
  roles: "roles",
};

interface Terms {
  names?: Partial<ClaimNames>;
  expiresAt: number;
  refreshToken?: string;
}

/** The person behind the claims of a vendor's gateway; throws GatewayError `upstream-wrong-shape`. */
export function gatewaySignIn(claims: Readonly<Record<string, unknown>>, terms: Terms): SignedIn {
  if (!shapes.gatewayClaims.Check(claims))
    throw new GatewayError("upstream-wrong-shape", { system: "esia", detail: "claims of the person" });
  const names = { ...usualNames, ...terms.names };
  const extra: Readonly<Record<string, unknown>> = claims;
  const confirmed = extra[names.confirmed] === true;
  return {
    subject: claims.sub,
    sid: textOf(extra[names.sid]) ?? claims.sub,
    confirmed,
    level: confirmed ? "confirmed" : "simplified",
    authTime: (claims.auth_time ?? claims.iat) * 1_000,
    amr: [claims.amr ?? []].flat().join(" "),
    expiresAt: terms.expiresAt,
    refreshToken: terms.refreshToken,
    person: personOf(claims, textOf(extra[names.snils]), textOf(extra[names.inn])),
    documents: [],
    roles: rolesOf(extra[names.roles]),
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function personOf(claims: GatewayClaims, snils = "", inn = ""): Person {
  const { sub, given_name, family_name, middle_name, birthdate, gender } = claims;
  const digits = snilsDigits(snils);
  const identifier: Identifier[] = [{ system: `${canonicalBase}/NamingSystem/esia-oid`, value: sub }];
  if (digits) identifier.push({ system: identifierSystem.snils, value: digits });
  if (isInn(inn)) identifier.push({ system: identifierSystem.inn, value: inn });
  const given = [given_name, middle_name].filter((name) => name !== undefined);
  const text = [family_name, ...given].filter(Boolean).join(" ");
  const telecom = telecomOf(claims);
  return {
    resourceType: "Person",
    identifier,
    active: true,
    ...(text && { name: [{ use: "official", text, family: family_name, given }] }),
    ...(birthdate && { birthDate: birthdate }),
    ...(gender && { gender }),
    ...(telecom.length > 0 && { telecom }),
  };
}

// as in the direct protocol: verified contacts only
function telecomOf(claims: GatewayClaims): ContactPoint[] {
  const telecom: ContactPoint[] = [];
  if (claims.phone_number && claims.phone_number_verified)
    telecom.push({ system: "phone", value: claims.phone_number, use: "mobile" });
  if (claims.email && claims.email_verified)
    telecom.push({ system: "email", value: claims.email, use: "home" });
  return telecom;
}

function rolesOf(elements: unknown): readonly EmployeeRole[] {
  const list: unknown = { elements };
  return shapes.roles.Check(list) ? employeeRoles(list) : [];
}
