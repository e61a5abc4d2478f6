import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { DataKeys } from "./data-keys.ts";
import { isAfter, isInRecord, type RecordPlace, type RecordQuery, recordStart } from "./record.ts";
import {
  alteredOr,
  fromJson,
  isInClear,
  isPublicContent,
  openContent,
  sealContent,
  unlessAltered,
} from "./resource-content.ts";
import {
  currentVersions,
  type HistoryQuery,
  historyRows,
  isReadable,
  pastVersions,
  type ResourceRow,
  writeVersion,
} from "./resource-rows.ts";
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
  /** of a past version: the one before it was the deletion */
  recreated?: boolean;
  source?: string;
  /** logical id of the person whose data it is */
  subject?: string;
  /** absent in the version that records a deletion */
  content?: object;
}

export interface StoredHistory {
  versions: readonly StoredResource[];
  /** there are further ones: asks for those before these */
  next?: number;
}

export interface ResourceChange extends ResourceKey {
  /** absent: the resource is deleted */
  content?: object;
  source?: string;
  /** logical id of the person whose data it is */
  subject?: string;
  /** lies in clear when its type may and it has no subject */
  isPublic?: boolean;
  /** the version that the caller has seen; 0 for "must not exist" */
  ifVersion?: number;
}

interface ResourceStoreParts {
  dataKeys: DataKeys;
  clock: Clock;
  /** told of each `stored-data-altered`, whose detail names the row */
  onAltered?(error: GatewayError): void;
}

/** FHIR resources and their versions; a row shows type, ids and times, the content is sealed under its owner's key. */
export class ResourceStore {
  readonly #dataKeys: DataKeys;
  readonly #clock: Clock;
  readonly #onAltered: ResourceStoreParts["onAltered"];

  constructor({ dataKeys, clock, onAltered }: ResourceStoreParts) {
    this.#dataKeys = dataKeys;
    this.#clock = clock;
    this.#onAltered = onAltered;
  }

  /**
   * Stores the next version and its history in the caller's transaction. Throws `version-conflict`, and `gone` for a
   * subject whose key was shredded.
   */
  async put(trx: Kysely<Schema>, change: ResourceChange): Promise<StoredResource> {
    const { tenant, type, id, source, subject, content } = change;
    const current = await trx
      .selectFrom("resource")
      .select("version")
      .where("tenant", "=", tenant)
      .where("type", "=", type)
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    const seen = current?.version ?? 0;
    if (change.ifVersion !== undefined && change.ifVersion !== seen)
      throw new GatewayError("version-conflict");
    const version = seen + 1;
    const lastUpdated = this.#clock.now();
    const deleted = content === undefined;
    const kept = content && (await this.#kept(trx, change, content, version));
    const value = {
      version,
      last_updated: lastUpdated,
      deleted,
      source: source ?? null,
      subject: subject ?? null,
      content: kept ?? null,
    };
    await writeVersion(trx, { tenant, type, id }, value);
    return { tenant, type, id, version, lastUpdated, deleted, source, subject, content };
  }

  /**
   * The current version, a deleted one too; undefined when there never was one. Throws `gone` when shredded, and
   * `stored-data-altered` for a row that was changed past us.
   */
  async get(db: Kysely<Schema>, key: ResourceKey): Promise<StoredResource | undefined> {
    const row = await currentVersions(db)
      .where("r.tenant", "=", key.tenant)
      .where("r.type", "=", key.type)
      .where("r.id", "=", key.id)
      .executeTakeFirst();
    return row && this.#opened(row);
  }

  /** Current versions in the order of the ids; deleted, shredded, altered and unknown ones are left out. */
  async byIds(
    db: Kysely<Schema>,
    {
      tenant,
      type,
      ids,
      leftOut,
    }: { tenant: string; type: string; ids: readonly string[]; leftOut?: () => void },
  ): Promise<StoredResource[]> {
    if (ids.length === 0) return [];
    const rows = await currentVersions(db)
      .where("r.tenant", "=", tenant)
      .where("r.type", "=", type)
      .where("r.id", "in", [...ids])
      .where("r.deleted", "=", false)
      .execute();
    const found = new Map((await this.#readable(rows, leftOut)).map((one) => [one.id, one]));
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** Current resources of one type about a person, newest first; deleted, shredded and altered ones are left out. */
  async about(
    db: Kysely<Schema>,
    about: { tenant: string; type: string; subject: string; limit?: number },
  ): Promise<StoredResource[]> {
    const found = currentVersions(db)
      .where("r.tenant", "=", about.tenant)
      .where("r.subject", "=", about.subject)
      .where("r.type", "=", about.type)
      .where("r.deleted", "=", false)
      .orderBy("r.last_updated", "desc")
      .orderBy("r.id");
    const rows = await (about.limit === undefined ? found : found.limit(about.limit)).execute();
    return this.#readable(rows);
  }

  /**
   * Current resources about a person in the order of their last change, so that what changes meanwhile comes again and
   * nothing is passed over; deleted, shredded and altered ones are left out.
   */
  async recordOf(
    db: Kysely<Schema>,
    { since = 0, after = recordStart, limit, ...query }: RecordQuery,
  ): Promise<{ found: StoredResource[]; next?: RecordPlace }> {
    if (query.types.length === 0) return { found: [] };
    const rows = await currentVersions(db)
      .where(isInRecord(query))
      .where("r.deleted", "=", false)
      .where("r.last_updated", ">=", since)
      .where(isAfter(after))
      .orderBy("r.last_updated")
      .orderBy("r.type")
      .orderBy("r.id")
      .limit(limit + 1)
      .execute();
    const page = rows.slice(0, limit);
    const found = await this.#readable(page);
    if (rows.length <= limit) return { found };
    const last = page.at(-1);
    return { found, next: last ? { lastUpdated: last.last_updated, type: last.type, id: last.id } : after };
  }

  /** One version of the past; undefined when there is none of that number; throws as `get` does. */
  async version(
    db: Kysely<Schema>,
    key: ResourceKey & { version: number },
  ): Promise<StoredResource | undefined> {
    const row = await pastVersions(db)
      .where("r.tenant", "=", key.tenant)
      .where("r.type", "=", key.type)
      .where("r.id", "=", key.id)
      .where("r.version", "=", key.version)
      .executeTakeFirst();
    return row && this.#opened(row);
  }

  /** Versions of a tenant, a type or one resource, newest first; shredded and altered ones are left out. */
  async history(db: Kysely<Schema>, query: HistoryQuery): Promise<StoredHistory> {
    const { beside } = query;
    const ofPlaces = await Promise.all([
      historyRows(db, query),
      ...(beside ? [historyRows(db, { ...query, ...beside })] : []),
    ]);
    // each has an index in this order, both together have none
    const rows = ofPlaces.flat().sort((one, other) => other.sequence - one.sequence);
    const page = rows.slice(0, query.limit);
    const versions = await this.#readable(page);
    return rows.length > query.limit ? { versions, next: page.at(-1)?.sequence } : { versions };
  }

  async #kept(trx: Kysely<Schema>, change: ResourceChange, content: object, version: number) {
    if (change.isPublic && isPublicContent(change)) return Buffer.from(JSON.stringify(content));
    const { tenant, type, id } = change;
    return sealContent(await this.#dataKeys.of(trx, change), content, { tenant, type, id, version });
  }

  /** One altered row takes the others along nowhere: it is left out. */
  async #readable(rows: readonly ResourceRow[], leftOut?: () => void): Promise<StoredResource[]> {
    const opened = rows.filter(isReadable).map((row) => unlessAltered(this.#opened(row), leftOut));
    return (await Promise.all(opened)).flat();
  }

  async #opened(row: ResourceRow): Promise<StoredResource> {
    const { tenant, type, id, version, deleted } = row;
    return {
      tenant,
      type,
      id,
      version,
      deleted,
      recreated: row.recreated,
      lastUpdated: row.last_updated,
      source: row.source ?? undefined,
      subject: row.subject ?? undefined,
      content: row.content ? await this.#contentOf(row, row.content) : undefined,
    };
  }

  async #contentOf(row: ResourceRow, content: Uint8Array): Promise<object> {
    if (isInClear(content, row)) return fromJson(content);
    if (!row.wrapped && row.shredded_at === null)
      throw new GatewayError("internal", { detail: "a sealed resource has no data key" });
    const owner = { tenant: row.tenant, subject: row.subject ?? undefined };
    try {
      return openContent(await this.#dataKeys.open(owner, row), content, row);
    } catch (cause) {
      const error = alteredOr(cause, row);
      if (error !== cause) this.#onAltered?.(error as GatewayError);
      throw error;
    }
  }
}
