import { randomUUID } from "node:crypto";
import type { Resource } from "@medplum/fhirtypes";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Keyring } from "../../crypto/keyring.ts";
import type { ResourceKey } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import type { Criterion, Position, ReverseChain, SortKey } from "../provider.ts";
import { Conditions } from "./condition.ts";
import { removeEntries, writeEntries } from "./index-write.ts";
import { matching, rids, smallMembers } from "./matching.ts";
import { type RidSet, unguessed, union, uuids } from "./rid-set.ts";
import { aboutSubjects, namingNothing, type Reach, type SharedPlace } from "./shared-place.ts";
import { noTerminology, type SearchTerminology } from "./terminology.ts";
import { Terms } from "./terms.ts";

export interface IndexQuery {
  tenant: string;
  /** of several the tests must mean the same for each, and there is no sort */
  types: readonly string[];
  tests: readonly (Criterion | ReverseChain)[];
  sort: readonly SortKey[];
  /** references of which one must name the resource, as a compartment has them */
  compartment?: { parameters: readonly string[]; target: string };
  /** also what the shared place has: everything, or what is in reach */
  beside?: "everybody's" | Reach;
}

interface Place {
  tenant: string;
  type: string;
}

export interface Hit extends ResourceKey {
  /** its place in the order of the search */
  at: number;
}

export interface Hits {
  hits: readonly Hit[];
  more: boolean;
  /** a sorted search ends here though it found more */
  cut?: boolean;
  snapshot?: string;
}

export interface PageOfIndex {
  position?: Position;
  limit: number;
}

export interface SearchIndexParts {
  keyring: Keyring;
  clock: Clock;
  /** address of the FHIR door: absolute references to it are local */
  baseUrl: string;
  terminology?: SearchTerminology;
  shared?: SharedPlace;
}

const snapshotMs = 15 * 60_000;
/** Most resources that one search sorts, and most that are counted. */
const mostSorted = 10_000;

/**
 * The search index of stored resources. Found resources come in the order of their creation, newest first, which no
 * write changes; a sorted search keeps the order that its first page found.
 */
export class SearchIndex {
  readonly #terms: Terms;
  readonly #clock: Clock;
  readonly #baseUrl: string;
  readonly #terminology: SearchTerminology;
  readonly #shared: SharedPlace | undefined;

  constructor({ keyring, clock, baseUrl, terminology = noTerminology, shared }: SearchIndexParts) {
    this.#terms = new Terms(keyring);
    this.#clock = clock;
    this.#baseUrl = baseUrl;
    this.#terminology = terminology;
    this.#shared = shared;
  }

  /** Indexes the current version in the caller's transaction, or forgets a deleted resource. */
  async write(trx: Kysely<Schema>, key: ResourceKey, resource: Resource | undefined): Promise<void> {
    if (resource === undefined) return removeEntries(trx, this.#terms, key);
    const updated = Date.parse(resource.meta?.lastUpdated ?? "");
    const lastUpdated = Number.isNaN(updated) ? this.#clock.now() : updated;
    const place = { terms: this.#terms, baseUrl: this.#baseUrl, shared: this.#shared };
    await writeEntries(trx, place, { ...key, resource, lastUpdated });
  }

  /** Of which time, in milliseconds, is what the index has of these ids. */
  async updatedOf(
    db: Kysely<Schema>,
    { tenant, type }: Place,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    const keys = uuids(ids.map((id) => this.#terms.target(tenant, `${type}/${id}`)));
    const { rows } = await sql<{ id: string; updated: number }>`
      select id, last_updated as updated from search_resource where key = any(${keys})`.execute(db);
    return new Map(rows.map(({ id, updated }) => [id, Number(updated)]));
  }

  /**
   * Up to `limit` hits from a position on. Throws `bad-request` for a value that its kind does not have,
   * `search-too-broad` for a sorted search that finds more than 10,000, and `page-expired` for an order that was
   * dropped.
   */
  async search(db: Kysely<Schema>, query: IndexQuery, page: PageOfIndex): Promise<Hits> {
    if (page.position?.snapshot !== undefined) return this.#snapshotPage(db, query, page);
    if (query.sort.length > 0) return this.#sorted(db, query, page.limit);
    const { direction = "after", at } = page.position ?? {};
    const backwards = direction === "before";
    const beyond = at === undefined ? sql`true` : backwards ? sql`r.rid > ${at}` : sql`r.rid < ${at}`;
    const order = sql`order by rid ${sql.raw(backwards ? "asc" : "desc")} limit ${page.limit + 1}`;
    const ofPlaces = await Promise.all(
      this.#placesOf(query).map(async (place) => {
        const matching = await this.#matching(db, query, place);
        return sql`(select r.rid, r.tenant, r.type, r.id ${matching} and ${beyond} ${order})`;
      }),
    );
    const statement =
      ofPlaces.length === 1 ? sql`${ofPlaces[0]}` : sql`${sql.join(ofPlaces, sql` union all `)} ${order}`;
    const { rows } = await sql<ResourceKey & { rid: number }>`${statement}`.execute(db);
    const hits = rows.slice(0, page.limit).map(({ rid, ...key }) => ({ ...key, at: Number(rid) }));
    return { hits, more: rows.length > page.limit };
  }

  async #matching(
    db: Kysely<Schema>,
    { tenant: asking, tests, compartment }: IndexQuery,
    { tenant, type, reach }: Place & { reach?: Reach },
  ): Promise<RawBuilder<unknown>> {
    const conditions = this.#conditions(asking, { tenant, type });
    const sets = await Promise.all(tests.map((test) => conditions.of(test)));
    if (reach && this.#shared) sets.push(unguessed(await this.#within(this.#shared, reach)));
    const within = compartment ? [this.#inCompartment(tenant, type, compartment)] : [];
    return matching(db, { tenant, type, sets: [...sets, ...within] });
  }

  #conditions(asking: string, { tenant, type }: Place): Conditions {
    const parts = {
      ...{ terms: this.#terms, terminology: this.#terminology, shared: this.#shared },
      ...{ tenant, asking, baseUrl: this.#baseUrl, now: this.#clock.now() },
    };
    return new Conditions(parts, type);
  }

  async #within(place: SharedPlace, { criteria, identified, subjects }: Reach): Promise<RawBuilder<unknown>> {
    const { tenant, type } = place;
    const conditions = this.#conditions(tenant, place);
    const met = criteria.map(async (criterion) => (await conditions.of(criterion)).query);
    const alone = identified.map(async (criterion) =>
      namingNothing(
        this.#terms.parameter(tenant, type, criterion.parameter.name),
        await conditions.of(criterion),
      ),
    );
    const queries = await Promise.all([...met, ...alone]);
    return union([aboutSubjects(place, subjects(this.#clock.now())), ...queries]);
  }

  /** A condition on logical ids: what they name is in reach of a shared place. */
  async isIn(
    db: Kysely<Schema>,
    place: SharedPlace,
    reach: Reach,
  ): Promise<(id: RawBuilder<unknown>) => RawBuilder<boolean>> {
    const within = await this.#within(place, reach);
    const few = await smallMembers(db, within);
    const ids = sql`select id from search_resource where rid`;
    // an array is there before rows are looked at, so that few are not sought through all of the type
    return (id) =>
      few ? sql`${id} = any(array(${ids} = any(${rids(few)})))` : sql`${id} in (${ids} in (${within}))`;
  }

  #placesOf({ tenant, types, beside }: IndexQuery): (Place & { reach?: Reach })[] {
    const own = types.map((type) => ({ tenant, type }));
    if (!beside || !this.#shared) return own;
    return [...own, { ...this.#shared, reach: beside === "everybody's" ? undefined : beside }];
  }

  #inCompartment(
    tenant: string,
    type: string,
    { parameters, target }: NonNullable<IndexQuery["compartment"]>,
  ): RidSet {
    const keys = parameters.map((name) => this.#terms.parameter(tenant, type, name));
    return {
      query: sql`select rid from search_reference where parameter = any(${uuids(keys)})
        and target = ${this.#terms.target(tenant, target)}::uuid`,
      negated: false,
      direct: true,
    };
  }

  async #sorted(db: Kysely<Schema>, query: IndexQuery, limit: number): Promise<Hits> {
    const places = this.#placesOf(query);
    const keys = query.sort.map((key) => this.#orderOf(places, key));
    // the row's own time has an index in its order; everything else is sorted, so it must be few
    const [only] = query.sort;
    const ordered = query.sort.length === 1 && only?.parameter.name === "_lastUpdated";
    const most = ordered ? sql`` : sql`limit ${mostSorted + 1}`;
    const ofPlaces = await Promise.all(
      places.map(async (place) => {
        const matching = await this.#matching(db, query, place);
        return sql`(select r.rid, r.tenant, r.type, r.id, r.last_updated ${matching} ${most})`;
      }),
    );
    const { rows } = await sql<ResourceKey & { rid: number }>`select r.rid, r.tenant, r.type, r.id from (
        ${sql.join(ofPlaces, sql` union all `)}) r
      order by ${sql.join([...keys, sql`r.rid desc`])} limit ${mostSorted + 1}`.execute(db);
    if (rows.length > mostSorted && !ordered) throw tooMany();
    const kept = rows.slice(0, mostSorted);
    const hits = kept.slice(0, limit).map(({ rid: _, ...key }, index) => ({ ...key, at: index }));
    if (kept.length < limit) return { hits, more: false };
    // the page may hold less than was asked for, and then others follow
    const snapshot = await this.#keep(db, query.tenant, kept);
    return { hits, more: kept.length > limit, snapshot };
  }

  /** Values of a resource that has several: the least when rising, the greatest when falling; those without come last. */
  #orderOf(places: readonly Place[], { parameter, descending }: SortKey): RawBuilder<unknown> {
    const direction = sql.raw(descending ? "desc" : "asc");
    if (parameter.name === "_lastUpdated") return sql`r.last_updated ${direction}`;
    if (parameter.name === "_id") return sql`r.id collate "C" ${direction}`;
    const keys = places.map(({ tenant, type }) => this.#terms.parameter(tenant, type, parameter.name));
    const isKey = keys.length === 1 ? sql`= ${keys[0]}::uuid` : sql`= any(${uuids(keys)})`;
    const isText = parameter.type === "string" || parameter.type === "uri";
    const column = isText ? "value" : descending ? "high" : "low";
    const chosen = sql.raw(`${descending ? "max" : "min"}(x.${column})`);
    const table = sql.raw(isText ? "search_text" : "search_range");
    return sql`(select ${chosen} from ${table} x where x.rid = r.rid and x.parameter ${isKey}) ${direction} nulls last`;
  }

  async #keep(db: Kysely<Schema>, tenant: string, rows: readonly { rid: number }[]): Promise<string> {
    const id = randomUUID();
    await sql`insert into search_snapshot (id, tenant, rids, expires_at)
      values (${id}::uuid, ${tenant}, ${`{${rows.map(({ rid }) => rid).join(",")}}`}::text::int8[],
        ${this.#clock.now() + snapshotMs})`.execute(db);
    return id;
  }

  async #snapshotPage(db: Kysely<Schema>, query: IndexQuery, page: PageOfIndex): Promise<Hits> {
    const { snapshot = "", at = 0, direction = "after" } = page.position ?? {};
    const backwards = direction === "before";
    // arrays count from 1: after the entry `at` comes the element at + 2
    const [first, last] = backwards ? [Math.max(1, at - page.limit + 1), at] : [at + 2, at + 1 + page.limit];
    const kept = await sql<{ count: number }>`select cardinality(rids) as count from search_snapshot
      where id = ${snapshot}::uuid and tenant = ${query.tenant} and expires_at >= ${this.#clock.now()}`.execute(
      db,
    );
    const [row] = kept.rows;
    if (!row) throw new GatewayError("page-expired", { field: "_page" });
    const { rows } = await sql<
      ResourceKey & { place: number }
    >`select r.tenant, r.type, r.id, one.place from search_snapshot s
      cross join lateral unnest(s.rids[${first}::int:${last}::int]) with ordinality as one (rid, place)
      join search_resource r on r.rid = one.rid
      where s.id = ${snapshot}::uuid order by one.place ${sql.raw(backwards ? "desc" : "asc")}`.execute(db);
    const hits = rows.map(({ place, ...key }) => ({ ...key, at: first - 2 + Number(place) }));
    const ended = !backwards && last >= Number(row.count);
    return {
      hits,
      more: backwards ? first > 1 : !ended,
      snapshot,
      cut: ended && Number(row.count) === mostSorted,
    };
  }
}

const tooMany = () =>
  new GatewayError("search-too-broad", {
    field: "_sort",
    detail: `at most ${mostSorted} resources are sorted`,
  });
