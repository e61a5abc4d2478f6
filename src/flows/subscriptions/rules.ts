import type { OperationOutcomeIssue, Subscription } from "@medplum/fhirtypes";
import { classOf } from "../../access/data-classes.ts";
import { parseScope, permits } from "../../access/scopes.ts";
import { looksAtPeople } from "../../access/search-reach.ts";
import type { Clock } from "../../core/clock.ts";
import type { Actor, RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Providers } from "../../fhir/provider.ts";
import { typesBehind } from "../../fhir/search/witnesses.ts";
import { parseCriteria } from "../../fhir/search-request.ts";
import { issueOf } from "../../fhir/validation/issues.ts";
import { askedOf, hasTopic, payloadContents } from "./shape.ts";

export interface SubscriptionRules {
  providers: () => Providers;
  /** prefixes of addresses that the operator registered for the client */
  endpointsOf(clientId: string): readonly string[];
  clock: Pick<Clock, "now">;
}

const shortestHeartbeatSeconds = 30;

/**
 * What is wrong about a Subscription beyond its structure; empty when it can be served. Throws `scope-missing` and
 * `access-denied` for a right one whose events the caller may not hear of.
 */
export function subscriptionIssues(
  subscription: Subscription,
  rules: SubscriptionRules,
  { actor }: RequestContext,
): OperationOutcomeIssue[] {
  const { status, end } = subscription;
  const { type } = askedOf(subscription);
  const isServed = type !== undefined && hasTopic(type);
  const checks: readonly Check[] = [
    [status === "requested" || status === "off", "status", "a client asks with requested and stops with off"],
    [isServed, "criteria", "the canonical of a topic, or Type?query of a stored type"],
    [end === undefined || status === "off" || Date.parse(end) > rules.clock.now(), "end", "a moment to come"],
    ...channelChecks(subscription, rules.endpointsOf(actor.id)),
  ];
  const found = checks.filter(([holds]) => !holds).map(([, path, detail]) => wrong(path, detail));
  const issues = isServed ? [...found, ...filterIssues(subscription, rules)] : found;
  if (issues.length === 0 && type !== undefined && status !== "off")
    requireRights(subscription, rules, { type, actor });
  return issues;
}

/** An event tells that a resource is there and meets the filter: what a read and a search would tell. */
function requireRights(
  subscription: Subscription,
  { providers }: SubscriptionRules,
  { type, actor }: { type: string; actor: Actor },
): void {
  const scopes = actor.scopes.flatMap((text) => parseScope(text) ?? []);
  const behind = askedOf(subscription).filters.flatMap((filter) => [
    ...typesBehind(parseCriteria(providers(), type, filter)),
  ]);
  const needed = [[type, "r"] as const, ...[type, ...behind].map((name) => [name, "s"] as const)];
  for (const [name, letter] of needed)
    if (!permits(scopes, name, letter))
      throw new GatewayError("scope-missing", { detail: `needs scope system/${name}.${letter}` });
  if (classOf(type) !== "system" && actor.onBehalfOf === undefined)
    throw new GatewayError("access-denied", {
      field: "Subscription.criteria",
      detail: "events about people are told to a worker whom the token names; missing: human",
    });
}

type Check = readonly [holds: boolean, path: string, detail: string];

const wrong = (path: string, detail: string): OperationOutcomeIssue =>
  issueOf({ kind: "wrong-value", path: `Subscription.${path}`, detail });

// how a message is framed is for whoever sends it (RFC 9110 7.6.1)
const framing = /^(host|content-(length|type|encoding)|transfer-encoding|connection|te|trailer|upgrade)\s*:/i;
const headerLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*$/;

function channelChecks(subscription: Subscription, endpoints: readonly string[]): readonly Check[] {
  const { type, endpoint, header = [], payload = "application/fhir+json" } = subscription.channel;
  const {
    content,
    type: topicType = "",
    heartbeatSeconds = shortestHeartbeatSeconds,
  } = askedOf(subscription);
  // a resource in a notification would reach whoever reads the endpoint, with nobody to decide about
  const tellsOfPeople = content === "full-resource" && classOf(topicType) !== "system";
  return [
    [type === "rest-hook", "channel.type", "rest-hook is served"],
    [
      isOneOf(endpoint, endpoints),
      "channel.endpoint",
      "not under an address that the operator registered for this client",
    ],
    [
      header.every((line) => headerLine.test(line) && !framing.test(line)),
      "channel.header",
      "each is Name: value, and none says how the message is framed",
    ],
    [payload === "application/fhir+json", "channel.payload", "application/fhir+json is sent"],
    [(payloadContents as readonly string[]).includes(content), "channel.payload", payloadContents.join(", ")],
    [!tellsOfPeople, "channel.payload", "of data about people ids are sent: read with your own rights"],
    [
      heartbeatSeconds >= shortestHeartbeatSeconds,
      "channel.extension",
      `a heartbeat comes every ${shortestHeartbeatSeconds} seconds or less often`,
    ],
  ];
}

function filterIssues(subscription: Subscription, { providers }: SubscriptionRules): OperationOutcomeIssue[] {
  const { type = "", filters, filterTypes } = askedOf(subscription);
  if (filterTypes.some((name) => name !== type))
    return [wrong("criteria", "a filter is of the topic's type")];
  return filters.flatMap((filter) => {
    try {
      const search = parseCriteria(providers(), type, filter);
      return looksAtPeople(search) ? [wrong("criteria", "a filter does not go through data of people")] : [];
    } catch (error) {
      if (isGatewayError(error)) return [wrong("criteria", `${error.code}: ${error.message}`)];
      throw error;
    }
  });
}

/** True for an address below one of the prefixes; `..` and credentials in it are refused. */
function isOneOf(endpoint: string | undefined, prefixes: readonly string[]): boolean {
  if (!endpoint || !URL.canParse(endpoint)) return false;
  const { href, username, password, protocol } = new URL(endpoint);
  if (username || password || !/^https?:$/.test(protocol)) return false;
  return prefixes.some(
    (prefix) => href === prefix || href.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`),
  );
}
