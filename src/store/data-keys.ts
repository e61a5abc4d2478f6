import { type Kysely, sql } from "kysely";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import {
  createDataKey,
  type DataKey,
  type DataKeyOwner,
  type KeyProvider,
  rewrapDataKey,
  unwrapDataKey,
  wrappingKeyIdOf,
} from "../crypto/envelope.ts";
import { CryptoError } from "../crypto/errors.ts";
import type { Schema } from "./schema.ts";

/** Whose key: a patient's (`subject` is the logical id), or the tenant's own for what is about nobody. */
export interface KeyOwner {
  tenant: string;
  subject?: string;
}

/** A person's keys at several tenants. */
interface KeyOwners {
  tenants: readonly string[];
  subject: string;
}

/** A data key as it lies in its table; `wrapped` is null once it was shredded. */
export interface KeptKey {
  wrapped: Uint8Array | null;
}

export interface Rewrapped {
  rewrapped: number;
  stuck: number;
}

interface DataKeysParts {
  keys: KeyProvider;
  clock: Clock;
}

/** In the table an empty subject stands for the tenant itself. */
export const tenantItself = "";

const openedKeys = 10_000;
const openedMs = 5 * 60_000;
const batchSize = 200;

/**
 * Data keys of patients and tenants. A wrapped key is always read from the database, beside what it opens; only the
 * result of unwrapping is remembered, by owner and wrapped bytes. So a shredded key opens nothing on any replica from its
 * transaction on, and a key whose transaction was rolled back seals nothing.
 */
export class DataKeys {
  readonly #keys: KeyProvider;
  readonly #clock: Clock;
  readonly #opened: LRUCache<string, Promise<DataKey>>;

  constructor({ keys, clock }: DataKeysParts) {
    this.#keys = keys;
    this.#clock = clock;
    const perf = { now: () => clock.now() };
    this.#opened = new LRUCache({ max: openedKeys, ttl: openedMs, ttlResolution: 0, perf });
  }

  /** The owner's key, made at first need; throws `gone` once it was shredded, `store-unavailable` without its KEK. */
  async of(db: Kysely<Schema>, owner: KeyOwner): Promise<DataKey> {
    const kept = (await keptKeyOf(db, owner)) ?? (await this.#created(db, owner));
    return this.open(owner, kept);
  }

  /** Opens a key that was read with its resource; throws as `of` does. */
  async open(owner: KeyOwner, { wrapped }: KeptKey): Promise<DataKey> {
    if (!wrapped) throw new GatewayError("gone", { detail: "the data key was shredded" });
    // with the owner: a wrapped key moved to another row is refused by unwrapping, and must not be known here
    const name = `${JSON.stringify(rowOf(owner))}${Buffer.from(wrapped).toString("latin1")}`;
    const known = this.#opened.get(name);
    if (known) return known;
    const opened = available(() => unwrapDataKey(this.#keys, wrapped, rowOf(owner)));
    this.#opened.set(name, opened);
    // a failure is not remembered
    opened.catch(() => this.#opened.delete(name));
    return opened;
  }

  /** True when one of these tenants has destroyed the data of this person. */
  async isShredded(db: Kysely<Schema>, { tenants, subject }: KeyOwners): Promise<boolean> {
    const found = await db
      .selectFrom("data_key")
      .select("subject")
      .where("tenant", "in", [...tenants])
      .where("subject", "=", subject)
      .where("shredded_at", "is not", null)
      .limit(1)
      .execute();
    return found.length > 0;
  }

  /**
   * Makes everything sealed under the owner's key unreadable for good. Waits for whoever is sealing under it, so what
   * the same transaction reads afterwards is all there is.
   */
  async shred(trx: Kysely<Schema>, owner: KeyOwner): Promise<void> {
    const { tenant, subject } = rowOf(owner);
    const at = this.#clock.now();
    await keyRow(trx, owner).select("subject").forUpdate().execute();
    // also for an owner without a key: nothing may be sealed for them later
    await trx
      .insertInto("data_key")
      .values({ tenant, subject, key_id: null, wrapped: null, created_at: at, shredded_at: at })
      .onConflict((conflict) =>
        conflict
          .columns(["tenant", "subject"])
          .doUpdateSet({ key_id: null, wrapped: null, shredded_at: at })
          .where("data_key.shredded_at", "is", null),
      )
      .execute();
  }

  /**
   * Wraps every data key under the current key-encryption key, in batches, while others read and write. `stuck` counts
   * those whose own key is not available.
   */
  async rewrapAll(db: Kysely<Schema>, signal?: AbortSignal): Promise<Rewrapped> {
    const { id } = await available(() => this.#keys.current());
    const total = { rewrapped: 0, stuck: 0 };
    for (let after: DataKeyOwner | undefined; !signal?.aborted; ) {
      const from = after;
      const batch = await db.transaction().execute((trx) => this.#rewrapBatch(trx, id, from));
      total.rewrapped += batch.rewrapped;
      total.stuck += batch.stuck;
      if (!batch.last) break;
      after = batch.last;
    }
    return total;
  }

  async #rewrapBatch(trx: Kysely<Schema>, currentId: string, after?: DataKeyOwner) {
    const { tenant, subject } = after ?? { tenant: "", subject: "" };
    const rows = await trx
      .selectFrom("data_key")
      .select(["tenant", "subject", "wrapped"])
      .where("key_id", "<>", currentId)
      .where((row) => row(row.refTuple("tenant", "subject"), ">", row.tuple(tenant, subject)))
      .orderBy("tenant")
      .orderBy("subject")
      .limit(batchSize)
      // weaker than a writer's lock is strong: sealing goes on; another rotation has the locked ones
      .forNoKeyUpdate()
      .skipLocked()
      .execute();
    let stuck = 0;
    for (const row of rows) if (!(await this.#rewrap(trx, row))) stuck += 1;
    return { rewrapped: rows.length - stuck, stuck, last: rows.at(-1) };
  }

  async #rewrap(trx: Kysely<Schema>, row: DataKeyOwner & KeptKey): Promise<boolean> {
    const { tenant, subject, wrapped } = row;
    let fresh: Uint8Array;
    try {
      fresh = await rewrapDataKey(this.#keys, wrapped as Uint8Array, { tenant, subject });
    } catch (error) {
      if (error instanceof CryptoError) return false;
      throw error;
    }
    await trx
      .updateTable("data_key")
      .set({ wrapped: fresh, key_id: wrappingKeyIdOf(fresh) })
      .where("tenant", "=", tenant)
      .where("subject", "=", subject)
      .execute();
    return true;
  }

  async #created(db: Kysely<Schema>, owner: KeyOwner): Promise<KeptKey> {
    const row = rowOf(owner);
    const { wrapped } = await available(() => createDataKey(this.#keys, row));
    await db
      .insertInto("data_key")
      .values({ ...row, key_id: wrappingKeyIdOf(wrapped), wrapped, created_at: this.#clock.now() })
      .onConflict((conflict) => conflict.columns(["tenant", "subject"]).doNothing())
      .execute();
    // whoever was first
    const kept = await keptKeyOf(db, owner);
    if (!kept) throw new GatewayError("internal", { detail: "a data key was neither created nor found" });
    return kept;
  }
}

/** Data keys by the key-encryption key that wraps them; null counts the shredded ones. */
export async function dataKeyCounts(db: Kysely<Schema>): Promise<{ keyId: string | null; count: number }[]> {
  return db
    .selectFrom("data_key")
    .select(["key_id as keyId", sql<number>`count(*)`.as("count")])
    .groupBy("key_id")
    .orderBy("key_id")
    .execute();
}

/** Tenants that have sealed something about a person. */
export async function tenantsWith(db: Kysely<Schema>, subject: string): Promise<string[]> {
  const found = await db.selectFrom("data_key").select("tenant").where("subject", "=", subject).execute();
  return found.map(({ tenant }) => tenant);
}

const keyRow = (db: Kysely<Schema>, owner: KeyOwner) =>
  db
    .selectFrom("data_key")
    .where("tenant", "=", owner.tenant)
    .where("subject", "=", owner.subject ?? tenantItself);

// a shredding waits until what is sealed with it is committed
const keptKeyOf = (db: Kysely<Schema>, owner: KeyOwner): Promise<KeptKey | undefined> =>
  keyRow(db, owner).select("wrapped").forKeyShare().executeTakeFirst();

const rowOf = ({ tenant, subject = tenantItself }: KeyOwner): DataKeyOwner => ({ tenant, subject });

const keyFaults: ReadonlySet<string> = new Set(["unknown-key", "bad-key"]);

/** A key-encryption key that this replica can't have now is a fault of the surroundings, not of the caller. */
async function available<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof CryptoError) || !keyFaults.has(cause.code)) throw cause;
    const detail = "the key-encryption key is not available";
    throw new GatewayError("store-unavailable", { system: "keys", detail, cause });
  }
}
