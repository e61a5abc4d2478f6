import { type Kysely, sql } from "kysely";
import type { Keyring } from "../../crypto/keyring.ts";
import type { Schema } from "../../store/schema.ts";
import { indexedParametersOf } from "./parameters.ts";
import { Terms } from "./terms.ts";
import { formsAsked } from "./token.ts";

const termsAtATime = 5_000;

/**
 * How many stored resources of each type, of all tenants, hold one of the codes under a token parameter of R4. The
 * index holds keyed hashes, so each tenant and parameter is asked for by its own.
 */
export async function codeUses(
  { db, keyring }: { db: Kysely<Schema>; keyring: Keyring },
  system: string,
  codes: readonly string[],
): Promise<Record<string, number>> {
  const terms = new Terms(keyring);
  const forms = codes.flatMap((code) => formsAsked({ system, code }, true));
  const places = await db.selectFrom("search_resource").select(["tenant", "type"]).distinct().execute();
  const uses: Record<string, number> = {};
  for (const { tenant, type } of places) {
    const asked = indexedParametersOf(type)
      .filter((parameter) => parameter.type === "token")
      .flatMap(({ name }) => {
        const parameter = terms.parameter(tenant, type, name);
        return forms.map((form) => terms.term(parameter, ...form));
      });
    const held = await heldBy(db, asked);
    if (held > 0) uses[type] = (uses[type] ?? 0) + held;
  }
  return uses;
}

async function heldBy(db: Kysely<Schema>, terms: readonly string[]): Promise<number> {
  const resources = new Set<number>();
  for (let from = 0; from < terms.length; from += termsAtATime) {
    const part = terms.slice(from, from + termsAtATime);
    const rows = await db
      .selectFrom("search_term")
      .select("rid")
      .where(sql<boolean>`term = any(${part}::uuid[])`)
      .distinct()
      .execute();
    for (const { rid } of rows) resources.add(rid);
  }
  return resources.size;
}
