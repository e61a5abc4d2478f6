import { type RawBuilder, sql } from "kysely";
import { GatewayError } from "../../core/errors.ts";
import type { Criterion } from "../provider.ts";
import type { RidSet } from "./rid-set.ts";

/** Where resources of a type lie that every tenant's searches see. */
export interface SharedPlace {
  tenant: string;
  type: string;
  /** its reference that names the patient whose it is, as the stored row does */
  subjectBy: string;
}

/** What of a shared place concerns somebody: it meets one of the criteria, or is about one of these people. */
export interface Reach {
  criteria: readonly Criterion[];
  /** criteria that count only where their parameter names nothing by a reference, but all by identifiers */
  identified: readonly Criterion[];
  /** gives rows of one column, logical ids of patients, at a time in milliseconds */
  subjects(at: number): RawBuilder<unknown>;
}

/** Resources of the place about any of these people. References are hashed by tenant, so the stored rows join them. */
export const aboutSubjects = ({ tenant, type }: SharedPlace, subjects: RawBuilder<unknown>) => sql`
  select c.rid from resource o join search_resource c on c.id = o.id
  where c.tenant = ${sql.lit(tenant)} and c.type = ${sql.lit(type)}
    and o.tenant = ${tenant} and o.type = ${type} and o.subject in (${subjects})`;

/** Those of a set that name nothing by a reference of this parameter. */
export const namingNothing = (parameter: string, { query }: RidSet) => sql`
  select n.rid from (${query}) n where not exists (
    select from search_reference x where x.rid = n.rid and x.parameter = ${parameter}::uuid)`;

/** Patients of a tenant about whom the place has something of the set. */
export const subjectsWith = (tenant: string, place: SharedPlace, set: RidSet) => sql`
  select t.rid from search_resource t where t.tenant = ${tenant} and t.type = 'Patient' and exists (
    select from resource o join search_resource c on c.id = o.id
    where c.tenant = ${sql.lit(place.tenant)} and c.type = ${sql.lit(place.type)}
      and o.tenant = ${place.tenant} and o.type = ${place.type} and o.subject = t.id
      and ${isMember(sql.ref("c.rid"), set)})`;

/** A condition: the rid is that of a member. */
export const isMember = (rid: RawBuilder<unknown>, { negated, query }: RidSet): RawBuilder<unknown> =>
  negated ? sql`not exists (select from (${query}) n where n.rid = ${rid})` : sql`${rid} in (${query})`;

/** Throws `bad-request` for a way between a tenant and the place that no stored row joins. */
export function requireJoined({ type, subjectBy }: SharedPlace, way: { type: string; by: string }): void {
  if (way.type === type && way.by === subjectBy) return;
  throw new GatewayError("bad-request", {
    field: `${way.type}.${way.by}`,
    detail: `_has and chains go to and from ${type} by ${type}.${subjectBy} only`,
  });
}
