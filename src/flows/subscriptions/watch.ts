import type { Subscription } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { AccessedResource } from "../../access/access-facts.ts";
import { accessedOf } from "../../access/accessed-of.ts";
import { classOf } from "../../access/data-classes.ts";
import type { Clock } from "../../core/clock.ts";
import type { Providers } from "../../fhir/provider.ts";
import type { ChangeListener, RepositoryChange } from "../../fhir/repository.ts";
import type { SearchIndex } from "../../fhir/search/search-index.ts";
import { parseCriteria } from "../../fhir/search-request.ts";
import type { Outbox } from "../../store/outbox.ts";
import type { Schema } from "../../store/schema.ts";
import {
  appendEvent,
  forgetSubscription,
  type SubscriptionEvent,
  type Watcher,
  watchersOf,
  watchSubscription,
} from "../../store/subscriptions.ts";
import { askedOf } from "./shape.ts";

/** Name of the outbox's receiver. */
export const subscriberSystem = "subscriber";

export type NotificationKind = "handshake" | "event-notification" | "heartbeat";

/** What the outbox keeps of a notification; it is built when it leaves. */
export interface QueuedNotification {
  subscription: string;
  kind: NotificationKind;
  event?: number;
}

/** What the outbox calls an event that is told only when its subscriber may see what it is about. */
export const eventToJudge = "event-to-judge";

/** Such an event, not numbered yet. */
export interface QueuedEvent {
  subscription: string;
  event: Omit<SubscriptionEvent, "number">;
  about: AccessedResource;
}

export interface WatchParts {
  clock: Clock;
  outbox: Outbox;
  index: SearchIndex;
  /** known once all types are registered */
  providers: () => Providers;
}

/** Turns committed changes into numbered events and queued notifications, in the transaction of the change. */
export function subscriptionWatch(parts: WatchParts): ChangeListener {
  return async (trx, change) => {
    if (change.key.type === "Subscription") await followSubscription(parts, trx, change);
    else await tellSubscribers(parts, trx, change);
  };
}

async function followSubscription({ outbox }: WatchParts, trx: Kysely<Schema>, change: RepositoryChange) {
  const { tenant, id } = change.key;
  const after = change.after as Subscription | undefined;
  if (!after) return forgetSubscription(trx, { tenant, id });
  const { type = "", filters, heartbeatSeconds } = askedOf(after);
  const endsAt = after.end === undefined ? undefined : Date.parse(after.end);
  await watchSubscription(trx, {
    tenant,
    id,
    type,
    filters,
    state: after.status ?? "off",
    heartbeatSeconds,
    endsAt,
    // whoever wrote it last answers for it; our own changes of its state are nobody's
    ...(change.ctx.actor.kind !== "system" && { owner: change.ctx.actor }),
  });
  if (after.status === "requested")
    await queue(outbox, trx, { tenant, id }, { kind: "handshake", once: `handshake ${change.version}` });
}

async function tellSubscribers(
  parts: WatchParts,
  trx: Kysely<Schema>,
  change: RepositoryChange,
): Promise<void> {
  const { key, version, before, after } = change;
  const { tenant, type, id } = key;
  const interaction = !after ? "delete" : before ? "update" : "create";
  const event = { type, id, version, interaction, at: parts.clock.now() } as const;
  const known = after ?? before;
  const about = known && accessedOf(known, tenant);
  for (const watcher of await watchersOf(trx, { tenant, type })) {
    if (!(await passes(parts, trx, change, watcher.filters))) continue;
    if (classOf(type, about?.subject) === "system") await tell(parts.outbox, trx, watcher, event);
    // facts are asked of other systems, which a transaction does not wait for
    else if (about) await queueToJudge(parts.outbox, trx, watcher, { event, about });
  }
}

/** Numbers an event, and queues its notification when the subscriber takes any. */
export async function tell(
  outbox: Outbox,
  trx: Kysely<Schema>,
  watcher: Watcher,
  event: Omit<SubscriptionEvent, "number">,
): Promise<void> {
  const number = await appendEvent(trx, watcher, event);
  if (watcher.state !== "active") return;
  await queue(outbox, trx, watcher, {
    kind: "event-notification",
    once: `event ${number}`,
    event: number,
  });
}

async function queueToJudge(
  outbox: Outbox,
  trx: Kysely<Schema>,
  { tenant, id }: Watcher,
  { event, about }: Pick<QueuedEvent, "event" | "about">,
): Promise<void> {
  const payload: QueuedEvent = { subscription: id, event, about };
  await outbox.enqueue(trx, {
    tenant,
    system: subscriberSystem,
    kind: eventToJudge,
    deduplicationId: `${id} ${event.type}/${event.id} ${event.version}`,
    payload,
  });
}

/** A deleted resource is in the index no more, so it passes only where nothing is asked of it. */
async function passes(
  { index, providers }: WatchParts,
  trx: Kysely<Schema>,
  { key: { tenant, type, id }, after }: RepositoryChange,
  filters: readonly string[],
): Promise<boolean> {
  if (filters.length === 0) return true;
  if (!after) return false;
  const requests = [...filters, `_id=${id}`].map((filter) => parseCriteria(providers(), type, filter));
  const tests = requests.flatMap(({ criteria, has }) => [...criteria, ...has]);
  const { hits } = await index.search(trx, { tenant, types: [type], tests, sort: [] }, { limit: 1 });
  return hits.length > 0;
}

/** Adds a notification to the outbox; one with the same `once` is queued already. */
export async function queue(
  outbox: Outbox,
  trx: Kysely<Schema>,
  { tenant, id }: { tenant: string; id: string },
  { kind, once, event }: { kind: NotificationKind; once: string; event?: number },
): Promise<void> {
  const payload: QueuedNotification = { subscription: id, kind, event };
  await outbox.enqueue(trx, {
    tenant,
    system: subscriberSystem,
    kind,
    deduplicationId: `${id} ${once}`,
    payload,
  });
}
