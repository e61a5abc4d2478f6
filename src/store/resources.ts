import type { Kysely, Selectable } from "kysely";
import { GatewayError } from "../core/errors.ts";
import type { Schema } from "./schema.ts";

export interface ResourceKey {
  tenant: string;
  type: string;
  id: string;
}

export interface StoredResource extends ResourceKey {
  version: number;
  /** milliseconds since the epoch */
  lastUpdated: number;
  deleted: boolean;
  source?: string;
  /** logical id of the person whose data it is */
  subject?: string;
  /** absent in the version that records a deletion */
  content?: object;
}

export interface ResourceChange extends ResourceKey {
  /** absent: the resource is deleted */
  content?: object;
  source?: string;
  /** logical id of the person whose data it is */
  subject?: string;
  at: number;
  /** the version that the caller has seen; 0 for "must not exist" */
  ifVersion?: number;
}

/** Stores the next version and its history in the caller's transaction; throws `version-conflict`. */
export async function putResource(trx: Kysely<Schema>, change: ResourceChange): Promise<StoredResource> {
  const { tenant, type, id, content, source, subject, at } = change;
  const current = await byKey(trx.selectFrom("resource").select("version"), change)
    .forUpdate()
    .executeTakeFirst();
  const seen = current?.version ?? 0;
  if (change.ifVersion !== undefined && change.ifVersion !== seen) throw new GatewayError("version-conflict");
  const row = {
    tenant,
    type,
    id,
    version: seen + 1,
    last_updated: at,
    deleted: content === undefined,
    source: source ?? null,
    content: content === undefined ? null : JSON.stringify(content),
    subject: subject ?? null,
  };
  const { version, last_updated, deleted } = row;
  const written = await trx
    .insertInto("resource")
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(["tenant", "type", "id"])
        .doUpdateSet({
          version,
          last_updated,
          deleted,
          source: row.source,
          subject: row.subject,
          content: row.content,
        })
        // a first version written meanwhile by someone else has no row for us to lock
        .where("resource.version", "=", seen),
    )
    .returning("version")
    .executeTakeFirst();
  if (!written) throw new GatewayError("version-conflict");
  await trx.insertInto("resource_history").values(row).execute();
  return { tenant, type, id, version, lastUpdated: at, deleted, source, subject, content };
}

/** The current version, a deleted one too; undefined when there never was one. */
export async function getResource(db: Kysely<Schema>, key: ResourceKey): Promise<StoredResource | undefined> {
  const row = await byKey(db.selectFrom("resource").selectAll(), key).executeTakeFirst();
  return row && toStored(row);
}

/** One version of the past; undefined when there is none of that number. */
export async function getVersion(
  db: Kysely<Schema>,
  key: ResourceKey & { version: number },
): Promise<StoredResource | undefined> {
  const row = await byKey(db.selectFrom("resource_history").selectAll(), key)
    .where("version", "=", key.version)
    .executeTakeFirst();
  return row && toStored(row);
}

/** All versions, newest first. */
export async function historyOf(db: Kysely<Schema>, key: ResourceKey): Promise<StoredResource[]> {
  const rows = await byKey(db.selectFrom("resource_history").selectAll(), key)
    .orderBy("version", "desc")
    .execute();
  return rows.map(toStored);
}

/** Current resources of one type about a person, newest first; deleted ones are left out. */
export async function resourcesAbout(
  db: Kysely<Schema>,
  about: { tenant: string; type: string; subject: string; limit: number },
): Promise<StoredResource[]> {
  const rows = await db
    .selectFrom("resource")
    .selectAll()
    .where("tenant", "=", about.tenant)
    .where("subject", "=", about.subject)
    .where("type", "=", about.type)
    .where("deleted", "=", false)
    .orderBy("last_updated", "desc")
    .orderBy("id")
    .limit(about.limit)
    .execute();
  return rows.map(toStored);
}

interface Keyed<Q> {
  where(column: "tenant" | "type" | "id", operator: "=", value: string): Q;
}

function byKey<Q extends Keyed<Q>>(query: Q, key: ResourceKey): Q {
  return query.where("tenant", "=", key.tenant).where("type", "=", key.type).where("id", "=", key.id);
}

function toStored(row: Selectable<Schema["resource"]>): StoredResource {
  const { tenant, type, id, version, deleted } = row;
  return {
    tenant,
    type,
    id,
    version,
    deleted,
    lastUpdated: row.last_updated,
    source: row.source ?? undefined,
    subject: row.subject ?? undefined,
    content: row.content ?? undefined,
  };
}
