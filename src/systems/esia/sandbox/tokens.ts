import type { Person } from "../../sandbox-world.ts";
import type { EsiaClient } from "./clients.ts";
import { scopesIn } from "./scopes.ts";
import type { SignedBy, TokenKeys } from "./token-keys.ts";

/** What a person's sign-in gave to a system. */
export interface Grant {
  client: EsiaClient;
  person: Person;
  scope: string;
  scopeOrg: string;
  /** the browser's session at ESIA, the same for all systems */
  sid: string;
  /** milliseconds of the true sign-in, not of the single sign-on */
  authTime: number;
  /** PWD, DS, or PWD with the second factor that the sandbox was asked to play */
  amr: string;
  /** access_type=offline */
  offline: boolean;
}

type Claims = Readonly<Record<string, unknown>>;
type Kind = "access" | "id";

/** A token that is not signed yet. */
interface Draft {
  sbt: Kind;
  claims: Claims;
  signedBy: SignedBy | "none";
}

type Drafts = Readonly<Record<Kind, Draft>>;

const accessSeconds = 3_600;
const idSeconds = 10_800;
const skewSeconds = 900;

const each = (drafts: Drafts, change: (draft: Draft) => Draft): Drafts => ({
  access: change(drafts.access),
  id: change(drafts.id),
});
const signedBy = (by: Draft["signedBy"]) => (drafts: Drafts) =>
  each(drafts, (draft) => ({ ...draft, signedBy: by }));
const withClaims = (change: (claims: Claims) => Claims) => (drafts: Drafts) =>
  each(drafts, (draft) => ({ ...draft, claims: { ...draft.claims, ...change(draft.claims) } }));
const shifted = (seconds: number) =>
  withClaims(({ nbf, iat, exp }) => ({
    nbf: Number(nbf) + seconds,
    iat: Number(iat) + seconds,
    exp: Number(exp) + seconds,
  }));

/** What a scenario does to both tokens before they are signed: name -> change. */
const tampers: Readonly<Record<string, (drafts: Drafts) => Drafts>> = {
  "wrong-signature": signedBy("stranger"),
  "expired-certificate": signedBy("expired"),
  "alg-none": signedBy("none"),
  "swapped-sbt": ({ access, id }) => ({ access: { ...access, sbt: "id" }, id: { ...id, sbt: "access" } }),
  "foreign-client": withClaims((claims) => ("aud" in claims ? { aud: "OTHER01" } : { client_id: "OTHER01" })),
  "wrong-issuer": withClaims(() => ({ iss: "http://esia.example.org/" })),
  "other-subject": ({ access, id }) => ({
    access,
    id: { ...id, claims: { ...id.claims, sub: 1_000_300_999 } },
  }),
  "token-clock-ahead": shifted(skewSeconds),
  "token-clock-behind": shifted(-skewSeconds),
};

/** Signs an access token, and an id token when `openid` was asked; a scenario may spoil them. */
export function tokensOf(
  grant: Grant,
  at: { issuer: string; now: number; keys: TokenKeys },
  scenario = "",
): { access_token: string; id_token?: string } {
  const { tokenAlgorithm } = grant.client;
  const seconds = Math.floor(at.now / 1000);
  const drafts: Drafts = {
    access: { sbt: "access", claims: accessClaims(grant, at.issuer, seconds), signedBy: "esia" },
    id: { sbt: "id", claims: idClaims(grant, at.issuer, seconds), signedBy: "esia" },
  };
  const { access, id } = tampers[scenario]?.(drafts) ?? drafts;
  const access_token = signed({ ver: 1, ...access }, tokenAlgorithm, at.keys);
  if (!scopesIn(grant.scope).includes("openid")) return { access_token };
  return { access_token, id_token: signed({ ver: 0, ...id }, tokenAlgorithm, at.keys) };
}

/** A token for a system itself, about organisations: no person stands behind it. */
export function systemToken(
  client: EsiaClient,
  scope: string,
  at: { issuer: string; now: number; keys: TokenKeys },
): string {
  const nbf = Math.floor(at.now / 1000);
  const exp = nbf + accessSeconds;
  const claims = { nbf, scope, iss: at.issuer, exp, iat: nbf, client_id: client.clientId };
  return signed({ ver: 1, sbt: "access", claims, signedBy: "esia" }, client.tokenAlgorithm, at.keys);
}

function accessClaims({ person, scope, scopeOrg, sid, client }: Grant, iss: string, nbf: number): Claims {
  const own = scopesIn(scope).map((name) => (name === "openid" ? name : `${name}?oid=${person.esia.oid}`));
  return {
    nbf,
    scope: [...own, ...scopesIn(scopeOrg)].join(" "),
    iss,
    "urn:esia:sid": sid,
    "urn:esia:sbj_id": Number(person.esia.oid),
    exp: nbf + accessSeconds,
    iat: nbf,
    client_id: client.clientId,
  };
}

function idClaims({ person, sid, client, amr, authTime }: Grant, iss: string, nbf: number): Claims {
  const oid = Number(person.esia.oid);
  const { account } = person.esia;
  return {
    aud: client.clientId,
    sub: oid,
    nbf,
    amr,
    "urn:esia:amd": amr,
    auth_time: Math.floor(authTime / 1000),
    iss,
    "urn:esia:sid": sid,
    "urn:esia:sbj": {
      "urn:esia:sbj:typ": "P",
      // absent, not false, for an account that is not confirmed
      ...(account === "confirmed" ? { "urn:esia:sbj:is_tru": true } : {}),
      "urn:esia:sbj:lvl": { confirmed: "PR", standard: "P", simplified: "P", child: "KD" }[account],
      "urn:esia:sbj:oid": oid,
      "urn:esia:sbj:nam": `OID.${oid}`,
    },
    exp: nbf + idSeconds,
    iat: nbf,
  };
}

function signed(
  { ver, sbt, claims, signedBy: by }: Draft & { ver: 0 | 1 },
  algorithm: EsiaClient["tokenAlgorithm"],
  keys: TokenKeys,
): string {
  const text = `${part({ ver, typ: "JWT", sbt, alg: by === "none" ? "none" : algorithm })}.${part(claims)}`;
  if (by === "none") return `${text}.`;
  const { key } = keys.signer(algorithm, by);
  return `${text}.${Buffer.from(key.sign(Buffer.from(text))).toString("base64url")}`;
}

// ESIA's JSON escapes slashes
const part = (value: unknown): string =>
  Buffer.from(JSON.stringify(value).replaceAll("/", "\\/")).toString("base64url");
