import type { Subscription } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import type { Providers } from "../../fhir/provider.ts";
import type { ChangeListener, RepositoryChange } from "../../fhir/repository.ts";
import type { SearchIndex } from "../../fhir/search/search-index.ts";
import { parseCriteria } from "../../fhir/search-request.ts";
import type { Outbox } from "../../store/outbox.ts";
import type { Schema } from "../../store/schema.ts";
import { appendEvent, forgetSubscription, watchersOf, watchSubscription } from "../../store/subscriptions.ts";
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
  for (const watcher of await watchersOf(trx, { tenant, type })) {
    if (!(await passes(parts, trx, change, watcher.filters))) continue;
    const number = await appendEvent(trx, watcher, {
      type,
      id,
      version,
      interaction: !after ? "delete" : before ? "update" : "create",
      at: parts.clock.now(),
    });
    if (watcher.state === "active")
      await queue(parts.outbox, trx, watcher, {
        kind: "event-notification",
        once: `event ${number}`,
        event: number,
      });
  }
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
