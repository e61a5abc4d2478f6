import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../../store/schema.ts";
import type { RidSet } from "./rid-set.ts";

interface Matching {
  tenant: string;
  type: string;
  sets: readonly RidSet[];
}

/** A set that is not larger is looked up first and then tested by its members. */
const smallSet = 1_000;

/**
 * `from … where …` of the resources, as `r`, that are in every set. PostgreSQL reads the list of a single term or
 * reference in the order of the page, so that is joined. Where there is none, it would have to guess whether to walk
 * all resources of the type or a set, and at a million it guesses wrong: a set that turns out small is given by its members.
 */
export async function matching(
  db: Kysely<Schema>,
  { tenant, type, sets }: Matching,
): Promise<RawBuilder<unknown>> {
  const from = [sql`search_resource r`];
  const where = [sql`r.tenant = ${tenant}`, sql`r.type = ${type}`];
  const known = await smallOnes(db, sets);
  for (const [index, set] of sets.entries()) {
    const name = sql.raw(`s${index}`);
    if (isList(set)) {
      from.push(sql`${sql.raw(set.reference ? "search_reference" : "search_term")} ${name}`);
      where.push(sql`${listed(set, name)} and ${name}.rid = r.rid`);
    } else where.push(tested(set, name, known[index]));
  }
  return sql`from ${sql.join(from)} where ${sql.join(where, sql` and `)}`;
}

const isList = ({ term, reference, negated }: RidSet): boolean =>
  !negated && (term !== undefined || reference !== undefined);

function listed({ term, reference }: RidSet, name: RawBuilder<unknown>): RawBuilder<unknown> {
  if (!reference) return sql`${name}.term = ${term}::uuid`;
  const { parameter, target } = reference;
  return sql`${name}.parameter = ${parameter}::uuid and ${name}.target = ${target}::uuid`;
}

function tested(
  set: RidSet,
  name: RawBuilder<unknown>,
  members: readonly number[] | undefined,
): RawBuilder<unknown> {
  if (set.negated) return sql`not exists (select 1 from (${set.query}) ${name} where ${name}.rid = r.rid)`;
  return members ? sql`r.rid = any(${rids(members)})` : sql`r.rid in (${set.query})`;
}

/** The members of the first small set that is worth it; nothing of the others. */
async function smallOnes(
  db: Kysely<Schema>,
  sets: readonly RidSet[],
): Promise<(readonly number[] | undefined)[]> {
  const known: (readonly number[] | undefined)[] = [];
  const hasList = sets.some(isList);
  for (const [index, { query, direct, negated, unguessed }] of sets.entries()) {
    if (!direct || negated || (hasList && !unguessed)) continue;
    const members = await smallMembers(db, query);
    if (!members) continue;
    known[index] = members;
    return known;
  }
  return known;
}

/** The members of a set, unless they are many. */
export async function smallMembers(
  db: Kysely<Schema>,
  query: RawBuilder<unknown>,
): Promise<readonly number[] | undefined> {
  const first = sql<{ rid: number }>`select rid from (${query}) s limit ${smallSet + 1}`;
  const { rows } = await first.execute(db);
  return rows.length > smallSet ? undefined : rows.map(({ rid }) => Number(rid));
}

export const rids = (members: readonly number[]): RawBuilder<unknown> =>
  sql`${`{${members.join(",")}}`}::text::int8[]`;
