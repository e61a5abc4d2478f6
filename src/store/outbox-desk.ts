import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Schema } from "./schema.ts";

/** What an operator sees of a message: never its content. */
export interface MessageRow {
  id: string;
  tenant: string;
  system: string;
  kind: string;
  deduplicationId: string;
  state: "pending" | "delivered" | "dead";
  attempts: number;
  /** clock milliseconds, as the other times */
  createdAt: number;
  /** of a pending one: not before this time */
  dueAt: number;
  finishedAt?: number;
  /** code of the last failed attempt */
  lastError?: string;
}

export interface MessageFilter {
  ids?: readonly string[];
  system?: string;
  kind?: string;
  state?: MessageRow["state"];
  /** code of the last failed attempt */
  code?: string;
  /** clock milliseconds of the message's creation, inclusive */
  since?: number;
  /** clock milliseconds of the message's creation, exclusive */
  before?: number;
  limit: number;
}

const buriedByOperator = "buried";

/** Outgoing messages as operators handle them: find, send again, put aside. */
export class OutboxDesk {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;

  constructor(parts: { db: Kysely<Schema>; clock: Clock }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
  }

  /** Messages that meet every criterion given, the oldest first. */
  async list(filter: MessageFilter): Promise<MessageRow[]> {
    let found = this.#db
      .selectFrom("outbox")
      .select(["id", "tenant", "system", "kind", "deduplication_id", "state", "attempts"])
      .select(["created_at", "due_at", "finished_at", "last_error"]);
    for (const column of ["system", "kind", "state"] as const)
      if (filter[column] !== undefined) found = found.where(column, "=", filter[column]);
    if (filter.ids) found = found.where("id", "in", filter.ids);
    if (filter.code !== undefined) found = found.where("last_error", "=", filter.code);
    if (filter.since !== undefined) found = found.where("created_at", ">=", filter.since);
    if (filter.before !== undefined) found = found.where("created_at", "<", filter.before);
    const rows = await found.orderBy("created_at").orderBy("id").limit(filter.limit).execute();
    return rows.map(({ deduplication_id, created_at, due_at, finished_at, last_error, ...row }) => ({
      ...row,
      deduplicationId: deduplication_id,
      createdAt: created_at,
      dueAt: due_at,
      finishedAt: finished_at ?? undefined,
      lastError: last_error ?? undefined,
    }));
  }

  /**
   * Makes a dead message due in `delayMs`, with all its time before it again and under its old deduplication id;
   * false when it is no longer dead.
   */
  async replay(id: string, delayMs = 0): Promise<boolean> {
    const dueAt = this.#clock.now() + delayMs;
    const { numUpdatedRows } = await this.#db
      .updateTable("outbox")
      .set({
        ...{ state: "pending", attempts: 0, silent_leases: 0, finished_at: null },
        ...{ due_at: dueAt, replayed_at: dueAt },
      })
      .where("id", "=", id)
      .where("state", "=", "dead")
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /** Puts a pending message aside; false when it is not pending. A worker that has it in hand may still deliver it. */
  async bury(id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("outbox")
      .set({ state: "dead", finished_at: this.#clock.now(), last_error: buriedByOperator })
      .where("id", "=", id)
      .where("state", "=", "pending")
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }
}
