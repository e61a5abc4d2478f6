import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** What a logical id stands for: `kind` names the source's identifier (`frmr/snils`), `value` is personal. */
export interface SourceIdentity {
  kind: string;
  value: string;
}

export interface IdentityMapParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  clock: Clock;
}

const domain = "identity-map";
const cachedIdentities = 50_000;
const cachedMs = 5 * 60_000;
// FHIR R4 id; what else a caller may write, PostgreSQL may refuse to compare
const idForm = /^[A-Za-z0-9\-.]{1,64}$/;

/** Random logical ids for source identifiers; rows hold an HMAC to find by and the value sealed. */
export class IdentityMap {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;
  readonly #clock: Clock;
  readonly #ids: LRUCache<string, Promise<string>>;
  readonly #identities: LRUCache<string, SourceIdentity>;

  constructor(parts: IdentityMapParts) {
    this.#db = parts.db;
    this.#keyring = parts.keyring;
    this.#clock = parts.clock;
    const perf = { now: () => parts.clock.now() };
    const bounds = { max: cachedIdentities, ttl: cachedMs, ttlResolution: 0, perf };
    this.#ids = new LRUCache(bounds);
    this.#identities = new LRUCache(bounds);
  }

  /** The logical id of a source identifier, made at first sight; the same in every replica. */
  idOf(tenant: string, kind: string, value: string): Promise<string> {
    const mac = this.#keyring.hmac(domain, tenant, kind, value);
    const known = this.#ids.get(mac);
    if (known) return known;
    const id = this.#readOrCreate(tenant, { kind, value }, mac);
    this.#ids.set(mac, id);
    // a failure is not remembered
    id.catch(() => this.#ids.delete(mac));
    return id;
  }

  /** What a logical id stands for; undefined for an id that this tenant was never given. */
  async find(tenant: string, logicalId: string, db = this.#db): Promise<SourceIdentity | undefined> {
    if (!idForm.test(logicalId)) return undefined;
    const known = this.known(tenant, logicalId);
    if (known) return known;
    const row = await db
      .selectFrom("identity_map")
      .select(["kind", "value_sealed"])
      .where("tenant", "=", tenant)
      .where("logical_id", "=", logicalId)
      .executeTakeFirst();
    if (!row) return undefined;
    const value = this.#keyring.open(domain, row.value_sealed, aad(tenant, row.kind, logicalId));
    const identity = { kind: row.kind, value: Buffer.from(value).toString("utf8") };
    this.#identities.set(keyOf(tenant, logicalId), identity);
    return identity;
  }

  /** The same as far as this process remembers it. */
  known(tenant: string, logicalId: string): SourceIdentity | undefined {
    return this.#identities.get(keyOf(tenant, logicalId));
  }

  /** The logical id that a source identifier was given, read in a transaction; undefined when it has none. */
  async knownIdOf(
    trx: Kysely<Schema>,
    tenant: string,
    { kind, value }: SourceIdentity,
  ): Promise<string | undefined> {
    return this.#idByMac(trx, tenant, kind, this.#keyring.hmac(domain, tenant, kind, value));
  }

  /** Deletes the row; other replicas may remember it for minutes, the id stays spent. */
  async forget(tenant: string, logicalId: string): Promise<void> {
    const rows = await this.#db
      .deleteFrom("identity_map")
      .where("tenant", "=", tenant)
      .where("logical_id", "=", logicalId)
      .returning("value_mac")
      .execute();
    this.#identities.delete(keyOf(tenant, logicalId));
    for (const { value_mac } of rows) this.#ids.delete(value_mac);
  }

  async #readOrCreate(tenant: string, identity: SourceIdentity, mac: string): Promise<string> {
    const existing = await this.#idByMac(this.#db, tenant, identity.kind, mac);
    if (existing) return existing;
    const logicalId = randomUUID();
    const sealed = this.#keyring.seal(
      domain,
      Buffer.from(identity.value),
      aad(tenant, identity.kind, logicalId),
    );
    const created = await this.#db
      .insertInto("identity_map")
      .values({
        tenant,
        kind: identity.kind,
        value_mac: mac,
        logical_id: logicalId,
        value_sealed: sealed,
        created_at: this.#clock.now(),
      })
      .onConflict((conflict) => conflict.columns(["tenant", "kind", "value_mac"]).doNothing())
      .returning("logical_id")
      .executeTakeFirst();
    // another replica was first
    const id = created?.logical_id ?? (await this.#idByMac(this.#db, tenant, identity.kind, mac));
    if (!id) throw new GatewayError("internal", { detail: "an identity was neither created nor found" });
    return id;
  }

  async #idByMac(db: Kysely<Schema>, tenant: string, kind: string, mac: string): Promise<string | undefined> {
    const row = await db
      .selectFrom("identity_map")
      .select("logical_id")
      .where("tenant", "=", tenant)
      .where("kind", "=", kind)
      .where("value_mac", "=", mac)
      .executeTakeFirst();
    return row?.logical_id;
  }
}

const keyOf = (tenant: string, logicalId: string): string => `${tenant}|${logicalId}`;

const aad = (...parts: string[]): string => JSON.stringify(parts);
