import type { FastifyRequest } from "fastify";
import { EsiaRefusal, type RefusalCode, refusalCodes } from "./refusal.ts";

const te = "/aas/oauth2/v3/te";

const own: readonly (readonly [name: string, path: string, meaning: string])[] = [
  ["wrong-signature", te, "tokens signed by a key that nobody knows"],
  ["expired-certificate", te, "tokens signed by a key whose certificate has run out"],
  ["alg-none", te, "tokens with alg none and no signature"],
  ["swapped-sbt", te, "the access token says it is an id token, and the other way round"],
  ["foreign-client", te, "tokens made out to another system"],
  ["wrong-issuer", te, "tokens of another issuer"],
  ["other-subject", te, "the id token is about another person than the access token"],
  ["token-clock-ahead", te, "tokens of a clock that is 15 minutes ahead"],
  ["token-clock-behind", te, "tokens of a clock that is 15 minutes behind"],
  ["wrong-state", te, "the answer carries the state of another request"],
  ["scopes-missing", te, "the person's consent covers openid only: REST shows no fields"],
  ["replayed-code", te, "the code has been spent already: ESIA-007011"],
  ["token-expired", "/rs/", "the access token has run out: ESIA-005013"],
  ["logout-hang", "/idp/ext/Logout", "the sign-out page never answers"],
];

const refusal = (code: string) => `esia-${code}`;

/** Name -> what happens, for the sandbox's table. */
export const esiaScenarios: Readonly<Record<string, string>> = Object.fromEntries([
  ...own.map(([name, , meaning]) => [name, meaning]),
  ...refusalCodes.map((code) => [refusal(code), `ESIA refuses with ESIA-${code}`]),
]);

/** Where an ordered scenario is played: name -> beginning of the path. */
export const esiaScenarioPaths: Readonly<Record<string, string>> = Object.fromEntries([
  ...own.map(([name, path]) => [name, path]),
  ...refusalCodes.map((code) => [refusal(code), "/aas/oauth2/"]),
]);

/** Throws the refusal that the request's scenario orders. */
export async function playOrderedRefusal({ scenario = "" }: FastifyRequest): Promise<void> {
  if (scenario === "replayed-code") throw new EsiaRefusal("007011");
  const code = /^esia-(\d{6})$/.exec(scenario)?.[1];
  if (code) throw new EsiaRefusal(code as RefusalCode);
}
