import { createHash } from "node:crypto";
import type { OperationOutcomeIssue, Resource, ResourceType } from "@medplum/fhirtypes";
import { type Kysely, sql } from "kysely";
import type { RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import { Turns } from "../core/turns.ts";
import type { RecordPlace, RecordQuery } from "../store/record.ts";
import type { ResourceKey, ResourceStore, StoredResource } from "../store/resources.ts";
import type { Schema } from "../store/schema.ts";
import type {
  Candidates,
  HistoryEntry,
  HistoryPage,
  HistoryRequest,
  Position,
  SearchRequest,
  WriteOptions,
  Written,
} from "./provider.ts";
import { byNames, nameOf, queryOf, type SharedType } from "./repository-query.ts";
import type { SearchIndex } from "./search/search-index.ts";
import { contentOf, isSameContent, resourceOf, sourceOf } from "./stored-content.ts";
import { storedTypeOf } from "./stored-types.ts";
import { subjectOf } from "./subject.ts";

type Identified = Resource & { id: string };

/** One version that was written; the transaction is still open. */
export interface RepositoryChange {
  key: ResourceKey;
  version: number;
  /** absent: there was none, or it was deleted */
  before?: Resource;
  /** absent: it is deleted now */
  after?: Resource;
  ctx: RequestContext;
}

export type ChangeListener = (trx: Kysely<Schema>, change: RepositoryChange) => Promise<void>;

export interface RepositoryParts {
  db: Kysely<Schema>;
  /** connections of searches outside transactions */
  searches: Kysely<Schema>;
  store: ResourceStore;
  index: SearchIndex;
  /** issues of severity error or fatal refuse the write */
  validate(resource: Resource, ctx: RequestContext): Promise<readonly OperationOutcomeIssue[]>;
  shared?: SharedType;
  /** told of each change at the end of its transaction, in this order */
  onChange: readonly ChangeListener[];
}

/** FHIR resources of our own store: read as they are, written in transactions. */
export class Repository {
  readonly #parts: RepositoryParts;
  readonly #turns = new Turns();

  constructor(parts: RepositoryParts) {
    this.#parts = parts;
  }

  /** Throws `not-found`, and `gone` for a deleted resource or one of a shredded subject. */
  async read(type: string, id: string, ctx: RequestContext): Promise<Resource> {
    const { db, store } = this.#parts;
    return existing(await store.get(db, keyOf(type, id, ctx)));
  }

  /** Those of the ids that exist, in their order. */
  async byIds(type: string, ids: readonly string[], ctx: RequestContext): Promise<Resource[]> {
    const { db, store } = this.#parts;
    const found = await store.byIds(db, { tenant: ctx.actor.tenant, type, ids });
    return found.map(resourceOf);
  }

  /** Resources about a patient, in the order of their last change. */
  async recordOf(
    query: Omit<RecordQuery, "tenant">,
    ctx: RequestContext,
  ): Promise<{ found: Resource[]; next?: RecordPlace }> {
    const { db, store, shared } = this.#parts;
    const { found, next } = await store.recordOf(db, { ...query, tenant: ctx.actor.tenant, beside: shared });
    return { found: found.map(resourceOf), next };
  }

  /** One version; throws `not-found`, and `gone` for the version that is the deletion. */
  async vread(type: string, id: string, version: string, ctx: RequestContext): Promise<Resource> {
    const { db, store } = this.#parts;
    if (!/^[1-9]\d{0,8}$/.test(version)) throw new GatewayError("not-found", { field: "version" });
    return existing(await store.version(db, { ...keyOf(type, id, ctx), version: Number(version) }));
  }

  /**
   * Current resources that a search finds, each with its place, in the order of the search; `own`: in the caller's tenant
   * only, as what will be written.
   */
  async search(
    request: SearchRequest,
    { own = false, ...page }: { position?: Position; limit: number; own?: boolean },
    ctx: RequestContext,
  ): Promise<Candidates> {
    const { searches, store, index, shared } = this.#parts;
    const query = queryOf(request, ctx, { shared, own });
    const { hits, cut, ...rest } = await index.search(searches, query, page);
    const warnings = new Set<GatewayError>();
    const leftOut = () => void warnings.add(notShown);
    const byName = await byNames(store, searches, { hits, leftOut });
    const isUnasked = ({ tenant }: ResourceKey) => query.beside !== "everybody's" && tenant !== query.tenant;
    return {
      found: hits.flatMap((hit) => {
        const stored = byName.get(nameOf(hit));
        return stored ? [{ resource: resourceOf(stored), at: hit.at, unasked: isUnasked(hit) }] : [];
      }),
      lastAt: hits.at(-1)?.at,
      ...rest,
      warnings: cut ? [sortedInPart, ...warnings] : [...warnings],
      sources: [],
    };
  }

  /** Versions newest first, of all types when none is given; throws `not-found` for an id that never was. */
  async history(
    { id, since, at, before, count }: HistoryRequest,
    ctx: RequestContext,
    type?: string,
  ): Promise<HistoryPage> {
    const { db, searches, store, index, shared } = this.#parts;
    const { tenant } = ctx.actor;
    const isBeside = id === undefined && (type ?? shared?.type) === shared?.type;
    const reach = isBeside ? shared?.reachOf(ctx.actor) : undefined;
    const beside = shared && reach && { ...shared, isIn: await index.isIn(searches, shared, reach) };
    const query = { tenant, type, id, beside, since, at, before, limit: count };
    const { versions, next } = await store.history(db, query);
    if (versions.length === 0 && type !== undefined && id !== undefined)
      if (!(await store.get(db, { tenant, type, id }))) throw new GatewayError("not-found");
    const entries = versions.map(
      (stored): HistoryEntry => ({
        type: stored.type as ResourceType,
        id: stored.id,
        version: String(stored.version),
        lastUpdated: stored.lastUpdated,
        subject: stored.subject,
        interaction: stored.deleted ? "delete" : stored.version === 1 ? "create" : "update",
        ...(stored.recreated && { recreated: true }),
        unasked: stored.tenant !== tenant,
        ...(stored.content && { resource: resourceOf(stored) }),
      }),
    );
    return next === undefined ? { entries } : { entries, next };
  }

  /** Asks the validator, outside of any transaction: what it lets pass, or `validation-failed` with its issues. */
  async validate(resource: Resource, ctx: RequestContext): Promise<readonly OperationOutcomeIssue[]> {
    const issues = await this.#parts.validate(resource, ctx);
    if (issues.some(({ severity }) => severity === "error" || severity === "fatal"))
      throw new GatewayError("validation-failed", { field: resource.resourceType, issues });
    return issues;
  }

  /** Does the work when all earlier work of this process about any of the names has ended. */
  inTurn<T>({ actor }: RequestContext, names: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#turns.take(
      names.map((name) => `${actor.tenant} ${name}`),
      work,
    );
  }

  /** Writes of one transaction; what `work` throws undoes them all. */
  transaction<T>(ctx: RequestContext, work: (writes: RepositoryWrites) => Promise<T>): Promise<T> {
    const { db } = this.#parts;
    return db.transaction().execute(async (trx) => {
      const writes = new RepositoryWrites(this.#parts, trx, ctx);
      const result = await work(writes);
      await writes.tell();
      return result;
    });
  }
}

/** The writes of one open transaction. What is written was validated before it began. */
export class RepositoryWrites {
  readonly trx: Kysely<Schema>;
  readonly #parts: RepositoryParts;
  readonly #ctx: RequestContext;
  readonly #changes: RepositoryChange[] = [];

  constructor(parts: RepositoryParts, trx: Kysely<Schema>, ctx: RequestContext) {
    this.#parts = parts;
    this.trx = trx;
    this.#ctx = ctx;
  }

  /** Waits until no other transaction holds any of these names, and holds them until this one ends. */
  async claim(names: readonly string[]): Promise<void> {
    const { tenant } = this.#ctx.actor;
    // in one order everywhere, so that two transactions never wait for each other
    const locks = [...new Set(names.map((name) => lockOf(`${tenant} ${name}`)))].sort();
    for (const lock of locks) await sql`select pg_advisory_xact_lock(${lock}::int8)`.execute(this.trx);
  }

  /** The current version as the transaction sees it; throws `not-found`, and `gone` for a deleted resource. */
  async read(type: string, id: string): Promise<Resource> {
    return existing(await this.#parts.store.get(this.trx, keyOf(type, id, this.#ctx)));
  }

  /** Ids that a search finds as the transaction sees them. */
  async search(request: SearchRequest): Promise<readonly string[]> {
    const query = queryOf(request, this.#ctx, { shared: this.#parts.shared, own: true });
    const { hits } = await this.#parts.index.search(this.trx, query, { limit: request.count });
    return hits.map(({ id }) => id);
  }

  /** Creates or updates; what says nothing new makes no version. Throws `version-conflict`. */
  async put(resource: Identified, { ifMatch }: WriteOptions): Promise<Written> {
    const { store } = this.#parts;
    const key = keyOf(resource.resourceType, resource.id, this.#ctx);
    const current = await store.get(this.trx, key);
    refuseStale(current, ifMatch);
    const content = contentOf(resource);
    if (current?.content && isSameContent(current.content, content))
      return { resource: resourceOf(current), created: false, changed: false };
    const stored = await store.put(this.trx, {
      ...key,
      content,
      subject: subjectOf(resource),
      source: sourceOf(resource, this.#ctx.requestId),
      isPublic: storedTypeOf(key.type)?.isPublic,
      ifVersion: current?.version ?? 0,
    });
    await this.#written(stored, current);
    return { resource: resourceOf(stored), created: !current?.content, changed: true };
  }

  /** Deletes; nothing happens when there is none. Throws `version-conflict`. */
  async remove(type: string, id: string, { ifMatch }: WriteOptions): Promise<void> {
    const { store } = this.#parts;
    const key = keyOf(type, id, this.#ctx);
    const current = await store.get(this.trx, key);
    refuseStale(current, ifMatch);
    if (!current?.content) return;
    const { subject, version } = current;
    const source = sourceOf(resourceOf(current), this.#ctx.requestId);
    const stored = await store.put(this.trx, { ...key, subject, source, ifVersion: version });
    await this.#written(stored, current);
  }

  /** Tells the listeners of all that was written: type by type, since they lock rows by type, in one order everywhere. */
  async tell(): Promise<void> {
    const changes = this.#changes.splice(0).sort((a, b) => a.key.type.localeCompare(b.key.type));
    for (const change of changes)
      for (const listener of this.#parts.onChange) await listener(this.trx, change);
  }

  async #written(stored: StoredResource, before: StoredResource | undefined): Promise<void> {
    const { tenant, type, id, version } = stored;
    const after = stored.content && resourceOf(stored);
    const key = { tenant, type, id };
    await this.#parts.index.write(this.trx, key, after);
    const told = before?.content && resourceOf(before);
    this.#changes.push({ key, version, before: told, after, ctx: this.#ctx });
  }
}

const keyOf = (type: string, id: string, { actor }: RequestContext): ResourceKey => ({
  tenant: actor.tenant,
  type,
  id,
});

const notShown = new GatewayError("stored-data-altered");

const sortedInPart = new GatewayError("search-too-broad", {
  field: "_sort",
  detail: "the search found more than it sorts: narrow it to see the rest",
});

function existing(stored: StoredResource | undefined): Resource {
  if (!stored) throw new GatewayError("not-found");
  if (!stored.content) throw new GatewayError("gone");
  return resourceOf(stored);
}

function refuseStale(current: StoredResource | undefined, ifMatch: number | undefined): void {
  if (ifMatch !== undefined && ifMatch !== (current?.content ? current.version : 0))
    throw new GatewayError("version-conflict");
}

const lockOf = (name: string): string =>
  createHash("sha256").update(name).digest().readBigInt64BE().toString();
