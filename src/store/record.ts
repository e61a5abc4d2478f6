import { sql } from "kysely";

/** A place in the order of last changes. */
export interface RecordPlace {
  /** milliseconds since the epoch */
  lastUpdated: number;
  type: string;
  id: string;
}

export interface RecordQuery {
  tenant: string;
  /** logical id of the person */
  subject: string;
  types: readonly string[];
  /** also what another tenant has of one of the types, from a version on */
  beside?: { tenant: string; type: string; leastVersion: number };
  /** milliseconds since the epoch, inclusive */
  since?: number;
  after?: RecordPlace;
  limit: number;
}

export const recordStart: RecordPlace = { lastUpdated: 0, type: "", id: "" };

/** About the person and of the types that a tenant has, or of the one that another has beside it. */
export function isInRecord({ tenant, subject, types, beside }: Omit<RecordQuery, "limit">) {
  const own = sql<boolean>`r.subject = ${subject} and r.tenant = ${tenant} and r.type in (${sql.join(types)})`;
  if (!beside || beside.tenant === tenant || !types.includes(beside.type)) return own;
  return sql<boolean>`(${own} or r.subject = ${subject} and r.tenant = ${beside.tenant} and r.type = ${beside.type}
    and r.version >= ${beside.leastVersion})`;
}

export const isAfter = ({ lastUpdated, type, id }: RecordPlace) =>
  sql<boolean>`(r.last_updated, r.type, r.id) > (${lastUpdated}::int8, ${type}, ${id})`;
