import { randomUUID } from "node:crypto";
import type {
  Bundle,
  BundleEntry,
  Parameters,
  ParametersParameter,
  Resource,
  Subscription,
} from "@medplum/fhirtypes";
import type { SubscriptionEvent } from "../../store/subscriptions.ts";
import { askedOf, backportUrl } from "./shape.ts";

export type StatusKind = "handshake" | "heartbeat" | "event-notification" | "query-status" | "query-event";

export interface NotificationFacts {
  subscription: Subscription;
  kind: StatusKind;
  /** events that the Subscription has had, up to those of the notification */
  eventCount: number;
  events: readonly SubscriptionEvent[];
  /** what the events are about, where the payload holds it, by `Type/id` */
  resources?: ReadonlyMap<string, Resource>;
}

/** SubscriptionStatus as the backport guide writes it in R4: a Parameters resource. */
export function statusOf(
  { subscription, kind, eventCount, events }: NotificationFacts,
  baseUrl: string,
): Parameters {
  const { topic, content } = askedOf(subscription);
  const error = subscription.error
    ? [{ name: "error", valueCodeableConcept: { text: subscription.error } }]
    : [];
  const told = events.map(
    ({ number, at, type, id }): ParametersParameter => ({
      name: "notification-event",
      part: [
        { name: "event-number", valueString: String(number) },
        { name: "timestamp", valueInstant: new Date(at).toISOString() },
        ...(content === "empty"
          ? []
          : [{ name: "focus", valueReference: { reference: `${baseUrl}/${type}/${id}` } }]),
      ],
    }),
  );
  return {
    resourceType: "Parameters",
    id: randomUUID(),
    meta: { profile: [backportUrl.status] },
    parameter: [
      { name: "subscription", valueReference: { reference: `${baseUrl}/Subscription/${subscription.id}` } },
      { name: "topic", valueCanonical: topic },
      { name: "status", valueCode: subscription.status },
      { name: "type", valueCode: kind },
      { name: "events-since-subscription-start", valueString: String(eventCount) },
      ...told,
      ...error,
    ],
  };
}

/** The Bundle that a subscriber is sent, or is given by `$events`. */
export function notificationOf(facts: NotificationFacts, baseUrl: string, at: number): Bundle {
  const { subscription, events } = facts;
  const status = statusOf(facts, baseUrl);
  const { content } = askedOf(subscription);
  const first: BundleEntry = {
    fullUrl: `urn:uuid:${status.id}`,
    resource: status,
    request: { method: "GET", url: `${baseUrl}/Subscription/${subscription.id}/$status` },
    response: { status: "200" },
  };
  return {
    resourceType: "Bundle",
    id: randomUUID(),
    type: "history",
    timestamp: new Date(at).toISOString(),
    entry: [first, ...(content === "empty" ? [] : events.map((event) => entryOf(event, facts, baseUrl)))],
  };
}

const methods = { create: ["POST", "201"], update: ["PUT", "200"], delete: ["DELETE", "204"] } as const;

function entryOf(
  { type, id, interaction }: SubscriptionEvent,
  { resources }: NotificationFacts,
  baseUrl: string,
): BundleEntry {
  const [method, status] = methods[interaction];
  const resource = resources?.get(`${type}/${id}`);
  return {
    fullUrl: `${baseUrl}/${type}/${id}`,
    ...(resource && { resource }),
    request: { method, url: method === "POST" ? type : `${type}/${id}` },
    response: { status },
  };
}
