import type { Resource, Subscription } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { type RequestContext, systemContext } from "../../core/context.ts";
import { type GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Repository } from "../../fhir/repository.ts";
import type { ClaimedMessage, Outbox } from "../../store/outbox.ts";
import type { Schema } from "../../store/schema.ts";
import { eventCountOf, eventsOf, noteSent, type SubscriptionEvent } from "../../store/subscriptions.ts";
import type { SubscriberClient } from "../../systems/subscriber/client.ts";
import { notificationOf } from "./notification.ts";
import { askedOf } from "./shape.ts";
import type { QueuedNotification } from "./watch.ts";

export interface DeliveryParts {
  db: Kysely<Schema>;
  repository: Repository;
  client: SubscriberClient;
  clock: Clock;
  log: Logger;
  baseUrl: string;
  outbox: Pick<Outbox, "isLastAttempt">;
}

// a handshake that fails so often is a wrong address, not a bad moment
const handshakeAttempts = 3;

/** Takes queued notifications to their subscribers, and tells in the Subscription when one can't be reached. */
export class NotificationDelivery {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Sends one; throws what the subscriber's failure was, so that the outbox tries again. */
  async deliver(message: ClaimedMessage): Promise<void> {
    const { subscription: id, kind, event } = message.payload as QueuedNotification;
    const ctx = this.#contextOf(message);
    const subscription = await this.#read(id, ctx);
    const isDue = subscription?.status === (kind === "handshake" ? "requested" : "active");
    if (!subscription || !isDue) return;
    try {
      await this.#send(subscription, { kind, event }, ctx);
    } catch (error) {
      if (isGatewayError(error) && this.#isLast(message, kind, error))
        await this.#turn(subscription, "error", ctx, error);
      throw error;
    }
    await noteSent(this.#parts.db, { tenant: message.tenant, id }, this.#parts.clock.now());
    if (kind === "handshake") await this.#turn(subscription, "active", ctx);
  }

  #isLast(message: ClaimedMessage, kind: QueuedNotification["kind"], error: GatewayError): boolean {
    if (error.retry.retryable === false) return true;
    if (kind === "handshake") return message.attempt >= handshakeAttempts;
    return this.#parts.outbox.isLastAttempt(message);
  }

  /** Ends a Subscription whose time is over. */
  async turnOff({ tenant, id }: { tenant: string; id: string }): Promise<void> {
    const ctx = workContext(this.#parts, { tenant, requestId: crypto.randomUUID() });
    const subscription = await this.#read(id, ctx);
    if (subscription) await this.#turn(subscription, "off", ctx);
  }

  async #send(
    subscription: Subscription,
    { kind, event }: Pick<QueuedNotification, "kind" | "event">,
    ctx: RequestContext,
  ): Promise<void> {
    const { db, client, clock, baseUrl } = this.#parts;
    const key = { tenant: ctx.actor.tenant, id: subscription.id ?? "" };
    const events =
      event === undefined ? [] : await eventsOf(db, key, { since: event, until: event, limit: 1 });
    // up to this notification and no further (backport guide, events-since-subscription-start)
    const eventCount = event ?? (await eventCountOf(db, key)) ?? 0;
    const resources = await this.#resourcesOf(subscription, events, ctx);
    const facts = { subscription, kind, eventCount, events, resources };
    const { endpoint = "", header = [] } = subscription.channel;
    await client.notify({ endpoint, headers: header }, notificationOf(facts, baseUrl, clock.now()), ctx);
  }

  async #resourcesOf(
    subscription: Subscription,
    events: readonly SubscriptionEvent[],
    ctx: RequestContext,
  ): Promise<Map<string, Resource>> {
    const found = new Map<string, Resource>();
    if (askedOf(subscription).content !== "full-resource") return found;
    for (const event of events) {
      const resource = await this.#versionOf(event, ctx);
      if (resource) found.set(`${event.type}/${event.id}`, resource);
    }
    return found;
  }

  /** The version that the event told of; undefined for a deletion, and for one that was shredded since. */
  async #versionOf(
    { type, id, version }: SubscriptionEvent,
    ctx: RequestContext,
  ): Promise<Resource | undefined> {
    return unlessGone(this.#parts.repository.vread(type, id, String(version), ctx));
  }

  async #read(id: string, ctx: RequestContext): Promise<Subscription | undefined> {
    const found = await unlessGone(this.#parts.repository.read("Subscription", id, ctx));
    return found as Subscription | undefined;
  }

  async #turn(
    subscription: Subscription,
    status: Subscription["status"],
    ctx: RequestContext,
    failure?: GatewayError,
  ): Promise<void> {
    const { error: _earlier, ...kept } = subscription;
    const next = { ...kept, id: subscription.id ?? "", status, ...(failure && { error: failure.message }) };
    const ifMatch = Number(subscription.meta?.versionId);
    try {
      await this.#parts.repository.transaction(ctx, (writes) => writes.put(next, { ifMatch }));
    } catch (error) {
      // its owner was quicker: what they wrote stands
      if (!isGatewayError(error) || error.code !== "version-conflict") throw error;
    }
  }

  #contextOf({ id, tenant, leaseEndsAt }: ClaimedMessage): RequestContext {
    return { ...workContext(this.#parts, { tenant, requestId: id }), deadline: leaseEndsAt };
  }
}

function workContext(
  { clock, log }: Pick<DeliveryParts, "clock" | "log">,
  of: { tenant: string; requestId: string },
): RequestContext {
  return systemContext({ ...of, id: "subscriptions", deadline: clock.now() + 30_000, log });
}

async function unlessGone(reading: Promise<Resource>): Promise<Resource | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isGatewayError(error) && (error.code === "gone" || error.code === "not-found")) return undefined;
    throw error;
  }
}
