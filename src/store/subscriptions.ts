import { type Kysely, sql } from "kysely";
import type { Actor } from "../core/context.ts";
import type { Schema } from "./schema.ts";

export type SubscriptionState = "requested" | "active" | "error" | "off";

/** A Subscription as the watch over changes needs it; the resource itself is in the store. */
export interface WatchedSubscription {
  tenant: string;
  id: string;
  /** resource type that it tells of */
  type: string;
  /** queries of which each must hold, as `status=completed` */
  filters: readonly string[];
  state: SubscriptionState;
  heartbeatSeconds?: number;
  /** clock milliseconds */
  endsAt?: number;
  /** whose rights say what it hears of people; absent: whose it was before */
  owner?: Actor;
}

export interface SubscriptionEvent {
  /** from 1 in the order in which the changes were committed */
  number: number;
  type: string;
  id: string;
  version: number;
  interaction: "create" | "update" | "delete";
  /** clock milliseconds */
  at: number;
}

interface SubscriptionKey {
  tenant: string;
  id: string;
}

/** Keeps what the Subscription says now, in the transaction that writes the resource; its events stay. */
export async function watchSubscription(trx: Kysely<Schema>, one: WatchedSubscription): Promise<void> {
  const row = {
    type: one.type,
    filters: JSON.stringify(one.filters),
    state: one.state,
    heartbeat_seconds: one.heartbeatSeconds ?? null,
    ends_at: one.endsAt ?? null,
    ...(one.owner && { owner: JSON.stringify(one.owner) }),
  };
  await trx
    .insertInto("subscription")
    .values({ tenant: one.tenant, id: one.id, ...row })
    .onConflict((conflict) => conflict.columns(["tenant", "id"]).doUpdateSet(row))
    .execute();
}

/** Ends the watch of a deleted Subscription and forgets its events. */
export async function forgetSubscription(
  trx: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
): Promise<void> {
  await trx
    .deleteFrom("subscription_event")
    .where("tenant", "=", tenant)
    .where("subscription", "=", id)
    .execute();
  await trx.deleteFrom("subscription").where("tenant", "=", tenant).where("id", "=", id).execute();
}

export type Watcher = SubscriptionKey & { state: SubscriptionState };

/**
 * Subscriptions to a type whose events are counted; one that is not active hears of them by `$events`. They come in one
 * order, in which every transaction then locks them.
 */
export async function watchersOf(
  trx: Kysely<Schema>,
  { tenant, type }: { tenant: string; type: string },
): Promise<(Watcher & { filters: string[] })[]> {
  const rows = await trx
    .selectFrom("subscription")
    .select(["id", "filters", "state"])
    .where("tenant", "=", tenant)
    .where("type", "=", type)
    .where("state", "!=", "off")
    .orderBy("id")
    .execute();
  return rows.map(({ id, filters, state }) => ({ tenant, id, filters: JSON.parse(filters), state }));
}

/** What a Subscription tells of, for whom, and its state; undefined when it is not watched. */
export async function standingOf(
  db: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
): Promise<{ type: string; state: SubscriptionState; owner: Actor | undefined } | undefined> {
  const row = await db
    .selectFrom("subscription")
    .select(["type", "state", "owner"])
    .where("tenant", "=", tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row && { ...row, owner: row.owner === null ? undefined : JSON.parse(row.owner) };
}

/** Locks a Subscription for an event that it has not had yet; undefined when it had it, or hears of nothing. */
export async function lockedFor(
  trx: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
  event: Pick<SubscriptionEvent, "type" | "id" | "version">,
): Promise<Watcher | undefined> {
  const row = await trx
    .selectFrom("subscription")
    .select("state")
    .where("tenant", "=", tenant)
    .where("id", "=", id)
    .where("state", "!=", "off")
    .forUpdate()
    .executeTakeFirst();
  const earlier = await trx
    .selectFrom("subscription_event")
    .select("number")
    .where("tenant", "=", tenant)
    .where("subscription", "=", id)
    .where("resource_type", "=", event.type)
    .where("resource_id", "=", event.id)
    .where("version", "=", event.version)
    .executeTakeFirst();
  return row && !earlier ? { tenant, id, state: row.state } : undefined;
}

/** Gives an event its number; the row lock makes numbers follow the order of commits. */
export async function appendEvent(
  trx: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
  event: Omit<SubscriptionEvent, "number">,
): Promise<number> {
  const { events } = await trx
    .updateTable("subscription")
    .set({ events: sql`events + 1` })
    .where("tenant", "=", tenant)
    .where("id", "=", id)
    .returning("events")
    .executeTakeFirstOrThrow();
  await trx
    .insertInto("subscription_event")
    .values({
      tenant,
      subscription: id,
      number: events,
      resource_type: event.type,
      resource_id: event.id,
      version: event.version,
      interaction: event.interaction,
      at: event.at,
    })
    .execute();
  return events;
}

/** Events of a Subscription from one number to another, in order; undefined bounds are open. */
export async function eventsOf(
  db: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
  { since = 1, until, limit }: { since?: number; until?: number; limit: number },
): Promise<SubscriptionEvent[]> {
  let query = db
    .selectFrom("subscription_event")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("subscription", "=", id)
    .where("number", ">=", since);
  if (until !== undefined) query = query.where("number", "<=", until);
  const rows = await query.orderBy("number").limit(limit).execute();
  return rows.map(({ number, resource_type, resource_id, version, interaction, at }) => ({
    number,
    type: resource_type,
    id: resource_id,
    version,
    interaction,
    at,
  }));
}

/** How many events a Subscription has had; undefined when it is not watched. */
export async function eventCountOf(
  db: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
): Promise<number | undefined> {
  const row = await db
    .selectFrom("subscription")
    .select("events")
    .where("tenant", "=", tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.events;
}

/** Notes that the subscriber took a notification: its next heartbeat is due one period later. */
export async function noteSent(
  db: Kysely<Schema>,
  { tenant, id }: SubscriptionKey,
  at: number,
): Promise<void> {
  await db
    .updateTable("subscription")
    .set({ sent_at: at })
    .where("tenant", "=", tenant)
    .where("id", "=", id)
    .execute();
}

/** Active Subscriptions that have been silent for a heartbeat period. */
export async function silentSubscriptions(
  db: Kysely<Schema>,
  now: number,
): Promise<(SubscriptionKey & { sentAt: number })[]> {
  const rows = await db
    .selectFrom("subscription")
    .select(["tenant", "id", "sent_at"])
    .where("state", "=", "active")
    .where("heartbeat_seconds", "is not", null)
    .where(sql<boolean>`sent_at + heartbeat_seconds * 1000 <= ${now}`)
    .limit(1_000)
    .execute();
  return rows.map(({ tenant, id, sent_at }) => ({ tenant, id, sentAt: sent_at }));
}

/** Subscriptions that run although their `end` has passed. */
export async function endedSubscriptions(db: Kysely<Schema>, now: number): Promise<SubscriptionKey[]> {
  return db
    .selectFrom("subscription")
    .select(["tenant", "id"])
    .where("state", "!=", "off")
    .where("ends_at", "<=", now)
    .limit(1_000)
    .execute();
}

/** Forgets events from before a moment; numbers go on. */
export async function forgetEvents(db: Kysely<Schema>, before: number): Promise<void> {
  await db.deleteFrom("subscription_event").where("at", "<", before).execute();
}
