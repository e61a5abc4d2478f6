import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import type { StorePool } from "./pool.ts";
import type { Schema } from "./schema.ts";

export type ConsentRow = Selectable<Schema["consent_fact"]>;
export type RelationRow = Selectable<Schema["care_relation"]>;
export type RepresentationRow = Selectable<Schema["representation"]>;

/** The human who asks, and the organisation that they act for. */
export interface Asker {
  person: string;
  organization?: string;
}

export interface CardRows {
  /** that may speak of the asker: those that name them, their organisation or nobody */
  consents: ConsentRow[];
  /** of the asker, in the organisation that they act for */
  relations: RelationRow[];
}

type Reader = Pick<StorePool, "query">;

const ofAsker = "patient = any($1) and practitioner = $2 and organization = $3";

/** What is known of these people and the asker: one prepared statement, since a card waits for it at each access. */
export async function cardRowsOf(pool: Reader, asker: Asker, patients: readonly string[]): Promise<CardRows> {
  const { rows } = await pool.query<CardRows>({
    name: "card-facts",
    text: `select
      (select coalesce(json_agg(c), '[]') from consent_fact c where patient = any($1)
        and (practitioner is null or practitioner = $2) and (organization is null or organization = $3)) as consents,
      (select coalesce(json_agg(r), '[]') from care_relation r where ${ofAsker}) as relations`,
    values: valuesOf(asker, patients),
  });
  return rows[0] ?? { consents: [], relations: [] };
}

/**
 * What opens or closes one person's card in an organisation, whoever asks, the longest relations first; what is past its
 * end may be among it.
 */
export async function grantRowsOf(
  db: Kysely<Schema>,
  { patient, organization }: { patient: string; organization: string },
): Promise<CardRows> {
  const [consents, relations] = await Promise.all([
    db
      .selectFrom("consent_fact")
      .selectAll()
      .where("patient", "=", patient)
      .where("kind", "=", "access")
      .where((its) => its.or([its("organization", "is", null), its("organization", "=", organization)]))
      .orderBy("granted_at", "desc")
      .execute(),
    db
      .selectFrom("care_relation")
      .selectAll()
      .where("patient", "=", patient)
      .where("organization", "=", organization)
      .orderBy(sql`ends_at desc nulls first, practitioner`)
      .execute(),
  ]);
  return { consents, relations };
}

/** The relations alone, for who knows the consents. */
export async function relationRowsOf(
  pool: Reader,
  asker: Asker,
  patients: readonly string[],
): Promise<RelationRow[]> {
  const { rows } = await pool.query<RelationRow>({
    name: "care-relations",
    text: `select * from care_relation where ${ofAsker}`,
    values: valuesOf(asker, patients),
  });
  return rows;
}

const valuesOf = ({ person, organization = "" }: Asker, patients: readonly string[]) => [
  [...patients],
  person,
  organization,
];

/** Which of these people somebody represents; `representative` is the keyed hash of that person. */
export function representationRowsOf(
  db: Kysely<Schema>,
  representative: string,
  patients: readonly string[],
): Promise<RepresentationRow[]> {
  return db
    .selectFrom("representation")
    .selectAll()
    .where("patient", "in", [...patients])
    .where("representative", "=", representative)
    .execute();
}

/**
 * A query of the patients of whom relations or consents may at that time show somebody resources of a type, and of
 * themselves. A booking shows what the patient permits whom they book with.
 */
export const patientsOf = (
  { person, organization = "" }: Asker,
  { at, type }: { at: number; type: string },
): RawBuilder<unknown> => {
  const permits = sql`kind = 'access' and decision = 'permit' and 'view' = any(rights)
    and (ends_at is null or ends_at > ${at})`;
  return sql`
    select patient from care_relation r where practitioner = ${person} and organization = ${organization}
      and (ends_at is null or ends_at > ${at})
      and (kind = 'assigned' or exists (
        select from consent_fact c where c.patient = r.patient and booked and ${permits}))
    union all select patient from consent_fact where ${permits}
      and (starts_at is null or starts_at <= ${at}) and (types is null or ${type} = any(types))
      and (practitioner = ${person} or practitioner is null and organization = ${organization})
      and (organization is null or organization = ${organization})
    union all select ${person}::text`;
};

/** Consents in force at `at` that name the worker or their organisation, newest first. */
export function consentsNaming(
  db: Kysely<Schema>,
  { person, organization }: Asker,
  { at, limit }: { at: number; limit: number },
): Promise<ConsentRow[]> {
  return db
    .selectFrom("consent_fact")
    .selectAll()
    .where("kind", "=", "access")
    .where("decision", "=", "permit")
    .where((its) =>
      its.or([
        its("practitioner", "=", person),
        its.and([its("practitioner", "is", null), its("organization", "=", organization ?? "")]),
      ]),
    )
    .where((its) => its.or([its("organization", "is", null), its("organization", "=", organization ?? "")]))
    .where((its) => its.or([its("starts_at", "is", null), its("starts_at", "<=", at)]))
    .where((its) => its.or([its("ends_at", "is", null), its("ends_at", ">", at)]))
    .orderBy("granted_at", "desc")
    .limit(limit)
    .execute();
}

/** Puts a consent's fact in the place of its earlier one; undefined: it is in force no more. */
export async function replaceConsentFact(
  trx: Kysely<Schema>,
  { tenant, id }: { tenant: string; id: string },
  row: Omit<ConsentRow, "tenant" | "id"> | undefined,
): Promise<void> {
  await trx.deleteFrom("consent_fact").where("tenant", "=", tenant).where("id", "=", id).execute();
  if (row)
    await trx
      .insertInto("consent_fact")
      .values({ tenant, id, ...row })
      .execute();
}

/** Puts the relations that a resource tells of in the place of those of its version before. */
export async function replaceRelations(
  trx: Kysely<Schema>,
  { tenant, type, id }: { tenant: string; type: string; id: string },
  rows: readonly Omit<RelationRow, "tenant" | "type" | "id">[],
): Promise<void> {
  await trx
    .deleteFrom("care_relation")
    .where("tenant", "=", tenant)
    .where("type", "=", type)
    .where("id", "=", id)
    .execute();
  if (rows.length > 0)
    await trx
      .insertInto("care_relation")
      .values(rows.map((row) => ({ tenant, type, id, ...row })))
      .execute();
}

/** The same for who represents whom. */
export async function replaceRepresentation(
  trx: Kysely<Schema>,
  { tenant, id }: { tenant: string; id: string },
  row: Omit<RepresentationRow, "tenant" | "id"> | undefined,
): Promise<void> {
  await trx.deleteFrom("representation").where("tenant", "=", tenant).where("id", "=", id).execute();
  if (row)
    await trx
      .insertInto("representation")
      .values({ tenant, id, ...row })
      .execute();
}

/** Forgets what a tenant's resources say of who may see a person's data. */
export async function forgetAccessFacts(
  trx: Kysely<Schema>,
  { tenant, subject }: { tenant: string; subject: string },
): Promise<void> {
  for (const table of ["consent_fact", "care_relation", "representation"] as const)
    await trx.deleteFrom(table).where("tenant", "=", tenant).where("patient", "=", subject).execute();
}
