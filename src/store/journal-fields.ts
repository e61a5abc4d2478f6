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
  organization: memberOf("organization"),
  holder: memberOf("holder"),
  action: memberOf("action"),
  resourceType: memberOf("resourceType"),
  outcome: memberOf("outcome"),
  at: sql<number>`substring(row from '^\\{"at":(\\d+)')::int8`,
};

/** Whose rows are asked for. */
export interface Reach {
  /** ФРМО OID: only rows of this organisation (`organizationsOf`) are found */
  organization?: string;
  /** beside those, rows of what was done in these organisations and in those whose OID lies below them */
  remit?: readonly string[];
}

/** Where a row tells of organisations. */
type Places = Pick<typeof field, "tenant" | "organization" | "holder">;

/** Where it happened; "" for nobody's. */
export const placeOf = ({ tenant, organization }: Places) =>
  sql<string>`coalesce(nullif(${organization}, ''), ${tenant})`;

/** True for an organisation's row, one of the remit's, or one of those below; an OID has no sign that LIKE reads. */
export const isWithin = ({ organization, remit = [] }: Reach, places: Places = field) =>
  sql<boolean>`(${sql.join(
    [
      // what people do in person is of no organisation
      organization
        ? sql`${organization} in (${places.tenant}, ${places.organization}, ${places.holder})`
        : sql`false`,
      ...remit.map((oid) => sql`${placeOf(places)} = ${oid} or ${placeOf(places)} like ${`${oid}.%`}`),
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

/** A group of before migration 049 that is listed and counted without organisation and holder so far. */
export const isUnplaced = sql`(position > (select placed from journal_index)
  and position <= (select unplaced_until from journal_index))`;
