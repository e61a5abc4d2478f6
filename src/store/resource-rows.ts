import { type Insertable, type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import { GatewayError } from "../core/errors.ts";
import { tenantItself } from "./data-keys.ts";
import type { Schema } from "./schema.ts";

export interface HistoryQuery {
  tenant: string;
  type?: string;
  id?: string;
  /** milliseconds since the epoch, inclusive */
  since?: number;
  /** milliseconds since the epoch, both inclusive: versions that were current at some moment between them */
  at?: { low: number; high: number };
  /** also what another tenant has of a type, from a version on, of the ids that meet a condition */
  beside?: {
    tenant: string;
    type: string;
    leastVersion: number;
    isIn(id: RawBuilder<unknown>): RawBuilder<boolean>;
  };
  /** `next` of the page before */
  before?: number;
  limit: number;
}

type HistoryRows = Omit<HistoryQuery, "beside"> & Partial<NonNullable<HistoryQuery["beside"]>>;

/** A version of a resource with the data key of whom it is about. */
export type ResourceRow = Selectable<Schema["resource"]> & {
  recreated?: boolean;
  wrapped: Uint8Array | null;
  shredded_at: number | null;
};

/** False for what was shredded. */
export const isReadable = (row: ResourceRow): boolean => !row.content || row.shredded_at === null;

const columns = [
  "r.tenant",
  "r.type",
  "r.id",
  "r.version",
  "r.last_updated",
  "r.deleted",
  "r.source",
  "r.subject",
  "r.content",
  "k.wrapped",
  "k.shredded_at",
] as const;

/** Current versions with the data key of each, read together so that it is never older than the row. */
export const currentVersions = (db: Kysely<Schema>) =>
  db
    .selectFrom("resource as r")
    .leftJoin("data_key as k", (join) =>
      join.onRef("k.tenant", "=", "r.tenant").on("k.subject", "=", ownerOfRow),
    )
    .select(columns);

/** The same of every version that there was. */
export const pastVersions = (db: Kysely<Schema>) =>
  db
    .selectFrom("resource_history as r")
    .leftJoin("data_key as k", (join) =>
      join.onRef("k.tenant", "=", "r.tenant").on("k.subject", "=", ownerOfRow),
    )
    .select([...columns, "r.sequence", recreated.as("recreated")]);

const recreated = sql<boolean>`exists (select from resource_history p
  where (p.tenant, p.type, p.id, p.version) = (r.tenant, r.type, r.id, r.version - 1) and p.deleted)`;

/** Began before the end and was not replaced by the beginning; a deletion lasts no longer than its moment. */
const wasCurrent = ({ low, high }: { low: number; high: number }) => sql<boolean>`
  r.last_updated <= ${high} and (r.last_updated >= ${low} or not r.deleted and not exists (
    select from resource_history n where n.tenant = r.tenant and n.type = r.type and n.id = r.id
      and n.version = r.version + 1 and n.last_updated <= ${low}))`;

/** Versions of a place and one more than the page holds, newest first. */
export function historyRows(db: Kysely<Schema>, query: HistoryRows) {
  let found = pastVersions(db).where("r.tenant", "=", query.tenant);
  if (query.type !== undefined) found = found.where("r.type", "=", query.type);
  if (query.id !== undefined) found = found.where("r.id", "=", query.id);
  if (query.isIn) found = found.where(query.isIn(sql.ref("r.id")));
  if (query.leastVersion !== undefined) found = found.where("r.version", ">=", query.leastVersion);
  if (query.since !== undefined) found = found.where("r.last_updated", ">=", query.since);
  if (query.before !== undefined) found = found.where("r.sequence", "<", query.before);
  if (query.at) found = found.where(wasCurrent(query.at));
  return found
    .orderBy("r.sequence", "desc")
    .limit(query.limit + 1)
    .execute();
}

const ownerOfRow = sql<string>`coalesce(r.subject, ${sql.lit(tenantItself)})`;

type Key = Pick<Insertable<Schema["resource"]>, "tenant" | "type" | "id">;

/** Writes a version and its history; throws `version-conflict` when someone else was quicker. */
export async function writeVersion(
  trx: Kysely<Schema>,
  key: Key,
  value: Omit<Insertable<Schema["resource"]>, keyof Key>,
): Promise<void> {
  const written = await trx
    .insertInto("resource")
    .values({ ...key, ...value })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant", "type", "id"])
        .doUpdateSet(value)
        // a first version written meanwhile by someone else has no row for us to lock
        .where("resource.version", "=", value.version - 1),
    )
    .returning("version")
    .executeTakeFirst();
  if (!written) throw new GatewayError("version-conflict");
  await trx
    .insertInto("resource_history")
    .values({ ...key, ...value })
    .execute();
}
