import { randomUUID } from "node:crypto";
import { type Kysely, type Selectable, sql, type Updateable } from "kysely";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { openValue, sealValue } from "../crypto/envelope.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { DataKeys, KeyOwner } from "./data-keys.ts";
import type { Schema } from "./schema.ts";

/** A client system, and the exact authority with which it asked. */
export interface DeferredOwner {
  tenant: string;
  client: string;
  /** who asks, for whom and with which scopes, as one text */
  authority: string;
}

export interface NewDeferredRequest {
  owner: DeferredOwner;
  /** JSON: what is to be carried out and for whom */
  content: unknown;
  /** may be begun anew when its worker died */
  repeatable: boolean;
}

/** A request on lease to one worker; the attempt number fences it off from a later lease. */
export interface ClaimedRequest {
  id: string;
  tenant: string;
  attempt: number;
  content: unknown;
  repeatable: boolean;
  /** an earlier worker died in the middle, and nobody may begin anew */
  interrupted: boolean;
}

/** JSON of the answer, and the logical ids of the patients whom it tells of. */
export interface DeferredAnswer {
  content: unknown;
  subjects: readonly string[];
}

export type DeferredStanding =
  | { state: "queued" | "running" }
  /** `expiresAt` in clock milliseconds */
  | { state: "done"; answer: unknown; expiresAt: number };

export interface DeferredRequestsParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  dataKeys: DataKeys;
  clock: Clock;
  /** how long a request waits for its turn, and then its answer for being fetched */
  keptMs: number;
  /** waiting, running and kept ones together */
  mostPerClient: number;
  leaseMs?: number;
}

type Row = Selectable<Schema["deferred_request"]>;

const domain = "deferred-request";
const mostAttempts = 3;
// so long an old address is told that its answer has expired
const rememberedMs = 86_400_000;
const busySeconds = 5;

/** Requests that are carried out after their caller was told to wait, for all replicas; contents are sealed. */
export class DeferredRequests {
  readonly #parts: DeferredRequestsParts;
  readonly #leaseMs: number;

  constructor({ leaseMs = 60_000, ...parts }: DeferredRequestsParts) {
    this.#parts = parts;
    this.#leaseMs = leaseMs;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** Queues a request in the caller's transaction; its id. Throws `rate-limited` for a client that has too many. */
  async submit(trx: Kysely<Schema>, { owner, content, repeatable }: NewDeferredRequest): Promise<string> {
    const { clock, keptMs } = this.#parts;
    const id = randomUUID();
    const client = this.#clientMac(owner);
    await this.#refuseMany(trx, client);
    const now = clock.now();
    await trx
      .insertInto("deferred_request")
      .values({
        ...{ id, client, tenant: owner.tenant, repeatable, state: "queued" as const },
        owner: this.#ownerMac(owner),
        created_at: now,
        due_at: now,
        expires_at: now + keptMs,
        request: await this.#sealed(trx, { id, tenant: owner.tenant, column: "request" }, content),
        answer: null,
        subjects: [],
      })
      .execute();
    return id;
  }

  /** Leases the next request whose client has none running; undefined when there is none. */
  async claim(): Promise<ClaimedRequest | undefined> {
    const { db, clock } = this.#parts;
    const now = clock.now();
    const { rows } = await sql<Row & { was_running: boolean }>`
      with next as (
        select id, state from deferred_request d
        where state <> 'done' and due_at <= ${now} and expires_at > ${now} and not exists (
          select from deferred_request o
          where o.client = d.client and o.state = 'running' and o.due_at > ${now})
        order by created_at limit 1 for update skip locked)
      update deferred_request r
      set state = 'running', due_at = ${now + this.#leaseMs}, attempts = r.attempts + 1
      from next where r.id = next.id
      returning r.*, next.state = 'running' as was_running`.execute(db);
    const [row] = rows;
    if (!row) return undefined;
    const { id, tenant, attempts, repeatable, was_running: wasRunning } = row;
    const content = await this.#opened(row, "request");
    const interrupted = attempts > mostAttempts || (wasRunning && !repeatable);
    return { id, tenant, attempt: attempts, content, repeatable, interrupted };
  }

  /** Holds the lease on; false when the request was cancelled or another worker has it. */
  renew(claimed: ClaimedRequest): Promise<boolean> {
    return this.#update(claimed, { due_at: this.#parts.clock.now() + this.#leaseMs });
  }

  /** Gives a request back that was not begun. */
  postpone(claimed: ClaimedRequest, waitMs: number): Promise<boolean> {
    const dueAt = this.#parts.clock.now() + waitMs;
    return this.#update(claimed, { state: "queued", due_at: dueAt, attempts: claimed.attempt - 1 });
  }

  /**
   * Keeps the answer, sealed under the key of the one patient whom it tells of, else the tenant's; nothing happens to a
   * request that was cancelled.
   */
  async settle(claimed: ClaimedRequest, { content, subjects }: DeferredAnswer): Promise<void> {
    const { db, clock, keptMs } = this.#parts;
    const { id, tenant } = claimed;
    await db.transaction().execute(async (trx) => {
      const answer = await this.#sealed(trx, { id, column: "answer", ...ownerOf(tenant, subjects) }, content);
      const kept = { answer, subjects: [...subjects], expires_at: clock.now() + keptMs };
      await this.#update(claimed, { state: "done", request: null, ...kept }, trx);
    });
  }

  /**
   * How a request of this owner stands. Throws `not-found` for what is not theirs, `gone` for an answer whose time is
   * over or with a patient whose key was shredded.
   */
  async standing(id: string, owner: DeferredOwner): Promise<DeferredStanding> {
    const { db, clock } = this.#parts;
    const row = await db
      .selectFrom("deferred_request")
      .selectAll()
      .where("id", "=", id)
      .where("owner", "=", this.#ownerMac(owner))
      .executeTakeFirst();
    if (!row) throw new GatewayError("not-found");
    if (row.expires_at <= clock.now() || (await this.#isShredded(row))) throw new GatewayError("gone");
    if (row.state !== "done") return { state: row.state };
    return { state: "done", answer: await this.#opened(row, "answer"), expiresAt: row.expires_at };
  }

  /** Forgets a request of this owner; what runs is finished for nobody. Throws `not-found`. */
  async cancel(id: string, owner: DeferredOwner): Promise<void> {
    const { numDeletedRows } = await this.#parts.db
      .deleteFrom("deferred_request")
      .where("id", "=", id)
      .where("owner", "=", this.#ownerMac(owner))
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw new GatewayError("not-found");
  }

  /** Wipes what is past its time at once, and forgets after a day that it ever was. */
  async purge(): Promise<void> {
    const { db, clock } = this.#parts;
    const now = clock.now();
    await db
      .updateTable("deferred_request")
      .set({ request: null, answer: null })
      .where("expires_at", "<=", now)
      .where(sql<boolean>`(request is not null or answer is not null)`)
      .execute();
    await db
      .deleteFrom("deferred_request")
      .where("expires_at", "<=", now - rememberedMs)
      .execute();
  }

  async #refuseMany(trx: Kysely<Schema>, client: string): Promise<void> {
    const { clock, mostPerClient } = this.#parts;
    // two at once would both find room for one
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${domain} ${client}`}, 0))`.execute(trx);
    const { count } = await trx
      .selectFrom("deferred_request")
      .select(sql<number>`count(*)::int`.as("count"))
      .where("client", "=", client)
      .where("expires_at", ">", clock.now())
      .executeTakeFirstOrThrow();
    if (count < mostPerClient) return;
    const detail = `at most ${mostPerClient} deferred requests of a client; DELETE those whose answers you have`;
    throw new GatewayError("rate-limited", { detail, retryAfter: busySeconds });
  }

  async #update(
    { id, attempt }: ClaimedRequest,
    change: Updateable<Schema["deferred_request"]>,
    db = this.#parts.db,
  ): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable("deferred_request")
      .set(change)
      .where("id", "=", id)
      .where("state", "=", "running")
      .where("attempts", "=", attempt)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async #isShredded({ tenant, subjects }: Row): Promise<boolean> {
    if (subjects.length === 0) return false;
    const shredded = await this.#parts.db
      .selectFrom("data_key")
      .select("subject")
      .where("tenant", "=", tenant)
      .where("subject", "in", subjects)
      .where("shredded_at", "is not", null)
      .limit(1)
      .executeTakeFirst();
    return shredded !== undefined;
  }

  async #sealed(db: Kysely<Schema>, place: Place, content: unknown): Promise<Uint8Array> {
    const key = await this.#parts.dataKeys.of(db, place);
    return sealValue(key, Buffer.from(JSON.stringify(content)), envelopePlace(place));
  }

  async #opened(row: Row, column: Place["column"]): Promise<unknown> {
    const { id, tenant, subjects } = row;
    const place = { id, column, ...ownerOf(tenant, subjects) };
    const key = await this.#parts.dataKeys.of(this.#parts.db, place);
    const plain = openValue(key, row[column] as Uint8Array, envelopePlace(place));
    return JSON.parse(Buffer.from(plain).toString("utf8"));
  }

  #clientMac({ tenant, client }: DeferredOwner): string {
    return this.#parts.keyring.hmac(domain, "client", tenant, client);
  }

  #ownerMac({ tenant, client, authority }: DeferredOwner): string {
    return this.#parts.keyring.hmac(domain, "owner", tenant, client, authority);
  }
}

interface Place extends KeyOwner {
  id: string;
  column: "request" | "answer";
}

const ownerOf = (tenant: string, subjects: readonly string[]): KeyOwner =>
  subjects.length === 1 ? { tenant, subject: subjects[0] } : { tenant };

const envelopePlace = ({ id, tenant, column }: Place) => ({
  tenant,
  table: "deferred_request",
  column,
  row: id,
});
