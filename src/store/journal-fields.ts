import { sql } from "kysely";
import type { JournalRow } from "./journal-format.ts";

/** Text of a row's member; "" when it has none. */
const memberOf = (name: keyof JournalRow) =>
  sql<string>`split_part(split_part(row, ${sql.lit(`"${name}":"`)}, 2), '"', 1)`;

/**
 * Members of a row of the view `journal` in SQL. Cut out, not read as json: PostgreSQL refuses json text with NUL, and
 * such a row is found too; a quote inside a value is escaped, so no value looks like a field.
 */
export const field = {
  requestId: memberOf("requestId"),
  subject: memberOf("subject"),
  agent: sql<string>`coalesce(nullif(${memberOf("onBehalfOf")}, ''), ${memberOf("actorId")})`,
  tenant: memberOf("tenant"),
  holder: memberOf("holder"),
  action: memberOf("action"),
  resourceType: memberOf("resourceType"),
  outcome: memberOf("outcome"),
  at: sql<number>`substring(row from '^\\{"at":(\\d+)')::int8`,
};

/** Whose rows are asked for. */
export interface Reach {
  /** rows of other tenants are never found */
  tenant?: string;
  /** with `tenant`, rows of these tenants and of those whose OID lies below them are found too */
  remit?: readonly string[];
}

/** True for a tenant's row, one of the remit's, or one of those below; an OID has no sign that LIKE reads. */
export const isWithin = ({ tenant, remit = [] }: Reach, column = field.tenant) =>
  sql<boolean>`(${sql.join(
    [
      tenant === undefined ? sql`false` : sql`${column} = ${tenant}`,
      ...remit.map((oid) => sql`${column} = ${oid} or ${column} like ${`${oid}.%`}`),
    ],
    sql` or `,
  )})`;

/** Groups that the index does not list yet: the last second's, or in an older database those not reached so far. */
export const unlistedGroups = sql`
  select id from journal_group where position is null
  union all
  select id from journal_group where position > (select position from journal_index)`;

/** The same of a row of the view `journal`, for a walk over it. */
export const isUnlisted = sql`(position is null or position > (select position from journal_index))`;
