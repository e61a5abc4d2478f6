import { randomBytes } from "node:crypto";
import type { Person } from "../../sandbox-world.ts";
import { esiaOrganizations } from "./organizations.ts";
import { EsiaRefusal } from "./refusal.ts";
import { organizationScope, scopesIn } from "./scopes.ts";
import type { AuthorizationRequest, BrowserSession, EsiaState } from "./state.ts";

/** Where the signed-in browser goes next: back to the system with a code, or with ESIA's reason against this person. */
export function callbackAddress(
  esia: EsiaState,
  asked: AuthorizationRequest,
  session: BrowserSession,
): string {
  session.requests.delete(asked.id);
  const person = esia.world.people.get(session.person ?? "");
  const against = person ? objection(esia, asked, person) : new EsiaRefusal("007004");
  if (!person || against)
    return errorAddress(asked.redirectUri, against ?? new EsiaRefusal("007004"), asked.state);
  const { client, scope, scopeOrg, redirectUri, challenge, offline } = asked;
  const { sid, authTime, amr } = session;
  const code = longOpaqueCode();
  esia.codes.set(code, {
    client,
    person,
    scope,
    scopeOrg,
    sid,
    authTime,
    amr,
    offline,
    redirectUri,
    ...(challenge ? { challenge } : {}),
  });
  return addressWith(redirectUri, { code, state: asked.state });
}

/** The callback of a refusal: `?error=…&error_description=ESIA-…&state=…`. */
export function errorAddress(address: string, refusal: EsiaRefusal, state = ""): string {
  return addressWith(address, { error: refusal.error, error_description: refusal.message, state });
}

function objection(
  esia: EsiaState,
  { confirmedOnly, scopeOrg }: AuthorizationRequest,
  person: Person,
): EsiaRefusal | undefined {
  if (confirmedOnly && person.esia.account !== "confirmed") return new EsiaRefusal("007055");
  const organizations = esiaOrganizations(esia.world);
  const employers = person.esia.roles
    .filter(({ active }) => active)
    .map(({ organization }) => organizations.find(({ row }) => row.oid === organization)?.oid);
  const foreign = scopesIn(scopeOrg).some(
    (scope) => !employers.includes(Number(organizationScope(scope)?.organization)),
  );
  return foreign ? new EsiaRefusal("007194") : undefined;
}

function addressWith(address: string, parameters: Record<string, string>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

// looks like a long JWT in life, so that nobody counts on a short one
const longOpaqueCode = () => [60, 420, 256].map((size) => randomBytes(size).toString("base64url")).join(".");
