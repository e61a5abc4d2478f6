import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** What must reach another system once the caller's transaction commits. */
export interface OutboxMessage {
  tenant: string;
  /** the system that it goes to: names its deliverer */
  system: string;
  kind: string;
  /** a second message with the same id for the same system is not taken; also what the receiver may deduplicate by */
  deduplicationId: string;
  /** JSON; stored sealed and dropped after delivery */
  payload: unknown;
}

/** A message on lease to one worker; the attempt number fences it off from a later lease. */
export interface ClaimedMessage extends OutboxMessage {
  id: string;
  /** 1 for the first */
  attempt: number;
  leaseEndsAt: number;
  createdAt: number;
  /** from when on its time to be delivered counts: it was created, or replayed by an operator */
  since: number;
}

export interface OutboxParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  clock: Clock;
  leaseMs?: number;
  /** how long a message is tried before it is dead */
  retryMs?: number;
  /** and how often at the least: one that waited for us all that time has its chances too */
  leastAttempts?: number;
  /** a message whose workers died so often in a row is what kills them */
  mostSilentLeases?: number;
  /** longest pause between attempts grows from the first to the second value */
  backoffMs?: readonly [first: number, most: number];
  random?: () => number;
}

const domain = "outbox";

/** Messages written with the business row, delivered at least once, each by one worker at a time. */
export class Outbox {
  readonly #parts: Required<OutboxParts>;

  constructor(parts: OutboxParts) {
    this.#parts = {
      leaseMs: 60_000,
      retryMs: 24 * 3_600_000,
      leastAttempts: 12,
      mostSilentLeases: 12,
      backoffMs: [1_000, 3_600_000],
      random: Math.random,
      ...parts,
    };
  }

  /** Whether a message that fails now is dead. */
  isLastAttempt({ attempt, since }: ClaimedMessage): boolean {
    const { retryMs, leastAttempts, clock } = this.#parts;
    return attempt >= leastAttempts && clock.now() >= since + retryMs;
  }

  /** Adds a message in the caller's transaction; false when its deduplication id was taken before. */
  async enqueue(trx: Kysely<Schema>, message: OutboxMessage): Promise<boolean> {
    const { clock, keyring } = this.#parts;
    const { tenant, system, kind, deduplicationId } = message;
    const id = randomUUID();
    const now = clock.now();
    const payload = keyring.seal(domain, Buffer.from(JSON.stringify(message.payload)), id);
    const result = await trx
      .insertInto("outbox")
      .values({
        id,
        tenant,
        system,
        kind,
        deduplication_id: deduplicationId,
        state: "pending",
        payload,
        due_at: now,
        created_at: now,
      })
      .onConflict((conflict) => conflict.columns(["tenant", "system", "deduplication_id"]).doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** Leases up to `limit` due messages of a system; a message whose worker died comes again after its lease. */
  async claim(system: string, limit: number): Promise<ClaimedMessage[]> {
    const { db, clock, leaseMs, mostSilentLeases } = this.#parts;
    const now = clock.now();
    const { rows } = await sql<ClaimedRow>`
      update outbox set due_at = ${now + leaseMs}, attempts = attempts + 1,
        silent_leases = silent_leases + 1
      where id in (
        select id from outbox
        where state = 'pending' and system = ${system} and due_at <= ${now}
        order by due_at limit ${limit} for update skip locked)
      returning id, tenant, system, kind, deduplication_id, payload, attempts, created_at,
        silent_leases, replayed_at`.execute(db);
    const isDeadly = (row: ClaimedRow) => row.silent_leases > mostSilentLeases;
    const toMessage = (row: ClaimedRow) => this.#toMessage(row, now + leaseMs);
    for (const message of rows.filter(isDeadly).map(toMessage))
      await this.#finish(message, { state: "dead", last_error: "lease-expired" });
    return rows.filter((row) => !isDeadly(row)).map(toMessage);
  }

  /** Marks a message as delivered and forgets its payload; false when the lease was lost. */
  delivered(message: ClaimedMessage): Promise<boolean> {
    return this.#finish(message, { state: "delivered", payload: null, last_error: null });
  }

  /** Puts a message aside for an operator, payload kept; false when the lease was lost. */
  bury(message: ClaimedMessage, errorCode: string): Promise<boolean> {
    return this.#finish(message, { state: "dead", last_error: errorCode });
  }

  /** Plans the next attempt, not before `retryAfterMs`; false when the lease was lost. */
  async retryLater(message: ClaimedMessage, errorCode: string, retryAfterMs = 0): Promise<boolean> {
    const dueAt = this.#parts.clock.now() + retryAfterMs + this.#jitter(message.attempt);
    return this.#update(message, { due_at: dueAt, silent_leases: 0, last_error: errorCode });
  }

  /** Full jitter: anywhere between nothing and the bound, so that replicas don't retry in step. */
  #jitter(attempt: number): number {
    const [first, most] = this.#parts.backoffMs;
    return Math.round(this.#parts.random() * Math.min(most, first * 2 ** (attempt - 1)));
  }

  #finish(
    message: ClaimedMessage,
    change: { state: "delivered" | "dead"; payload?: null; last_error: string | null },
  ): Promise<boolean> {
    return this.#update(message, { ...change, finished_at: this.#parts.clock.now() });
  }

  async #update(message: ClaimedMessage, change: OutboxChange): Promise<boolean> {
    const result = await this.#parts.db
      .updateTable("outbox")
      .set(change)
      .where("id", "=", message.id)
      .where("state", "=", "pending")
      .where("attempts", "=", message.attempt)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  #toMessage(row: ClaimedRow, leaseEndsAt: number): ClaimedMessage {
    const { id, tenant, system, kind, payload } = row;
    const opened = Buffer.from(this.#parts.keyring.open(domain, payload, id)).toString("utf8");
    return {
      id,
      tenant,
      system,
      kind,
      deduplicationId: row.deduplication_id,
      payload: JSON.parse(opened),
      attempt: row.attempts,
      leaseEndsAt,
      createdAt: row.created_at,
      since: row.replayed_at ?? row.created_at,
    };
  }
}

interface ClaimedRow {
  id: string;
  tenant: string;
  system: string;
  kind: string;
  deduplication_id: string;
  payload: Uint8Array;
  attempts: number;
  silent_leases: number;
  created_at: number;
  replayed_at: number | null;
}

interface OutboxChange {
  state?: "delivered" | "dead";
  payload?: null;
  last_error: string | null;
  due_at?: number;
  silent_leases?: number;
  finished_at?: number;
}
