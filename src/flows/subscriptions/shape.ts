import type { Extension, Subscription } from "@medplum/fhirtypes";
import { canonicalBase } from "../../core/canonical.ts";
import { storedTypeOf, storedTypes } from "../../fhir/stored-types.ts";

const backport = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";

/** Extensions of the Subscriptions R5 Backport guide (1.1, for R4) that a Subscription may carry. */
export const backportUrl = {
  filter: `${backport}/backport-filter-criteria`,
  content: `${backport}/backport-payload-content`,
  heartbeat: `${backport}/backport-heartbeat-period`,
  status: `${backport}/backport-subscription-status-r4`,
} as const;

export const payloadContents = ["empty", "id-only", "full-resource"] as const;

/** What a Subscription asks for. */
export interface AskedSubscription {
  /** resource type of its topic */
  type: string | undefined;
  topic: string;
  /** queries without the type, as `status=completed` */
  filters: string[];
  /** types that the filters name, which must be the topic's */
  filterTypes: string[];
  content: string;
  heartbeatSeconds: number | undefined;
}

const topicBase = `${canonicalBase}/SubscriptionTopic/`;

/** Canonical of the one topic of a type: it is created, updated or deleted. */
export const topicOf = (type: string): string => `${topicBase}${type}`;

/** Canonicals of every topic: all stored types but the Subscription itself. */
export const topics: readonly string[] = storedTypes
  .map(({ type }) => type)
  .filter(hasTopic)
  .map(topicOf);

/** True for a type whose changes are told. */
export function hasTopic(type: string): boolean {
  return type !== "Subscription" && storedTypeOf(type) !== undefined;
}

/** Reads the topic form of the backport guide and R4's own `criteria=Type?query`. */
export function askedOf(subscription: Subscription): AskedSubscription {
  const { criteria, channel } = subscription;
  const extensionsOfCriteria = primitiveExtensions(subscription, "_criteria");
  const filters = extensionsOfCriteria
    .filter(({ url }) => url === backportUrl.filter)
    .map(({ valueString = "" }) => valueString.split("?", 2));
  const [typeOfCriteria = "", query] = criteria.split("?", 2);
  const isTopic = criteria.startsWith(topicBase);
  const type = isTopic ? criteria.slice(topicBase.length) : typeOfCriteria;
  if (!isTopic && query) filters.push([type, query]);
  const heartbeat = channel.extension?.find(({ url }) => url === backportUrl.heartbeat);
  return {
    type,
    topic: topicOf(type),
    filters: filters.map(([, text = ""]) => text).filter(Boolean),
    filterTypes: filters.map(([name = ""]) => name),
    content:
      primitiveExtensions(channel, "_payload").find(({ url }) => url === backportUrl.content)?.valueCode ??
      "id-only",
    heartbeatSeconds: heartbeat?.valueUnsignedInt,
  };
}

/** Extensions of a primitive element, which FHIR's JSON keeps in a member of its own. */
function primitiveExtensions(element: object, member: string): Extension[] {
  const { extension = [] } = ((element as Record<string, unknown>)[member] ?? {}) as {
    extension?: Extension[];
  };
  return extension;
}
