import type { Bundle, Subscription } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { refuseUnknownParameters, textOfParameter } from "../../fhir/parameters.ts";
import type { Operation, OperationCall } from "../../fhir/provider.ts";
import type { Repository } from "../../fhir/repository.ts";
import type { Schema } from "../../store/schema.ts";
import { eventCountOf, eventsOf, standingOf } from "../../store/subscriptions.ts";
import { hearsOf } from "./judgement.ts";
import { notificationOf, statusOf } from "./notification.ts";

export interface SubscriptionOperationParts {
  db: Kysely<Schema>;
  repository: Repository;
  clock: Clock;
  baseUrl: string;
}

const guide = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition";
const mostEvents = 100;
const mostSubscriptions = 100;

/** `$status` and `$events` of the Subscriptions R5 Backport guide. */
export function subscriptionOperations(parts: SubscriptionOperationParts): Operation[] {
  return [
    {
      name: "status",
      level: ["type", "instance"],
      definition: `${guide}/backport-subscription-status`,
      documentation: "State of a Subscription, or of several by `id`, with the number of events so far",
      needs: "r",
      get: true,
      run: (call, ctx) => statuses(parts, call, ctx),
    },
    {
      name: "events",
      level: "instance",
      definition: `${guide}/backport-subscription-events`,
      documentation: `Events again, from eventsSinceNumber to eventsUntilNumber, at most ${mostEvents} at a time; they are kept for 30 days`,
      needs: "r",
      get: true,
      run: (call, ctx) => events(parts, call, ctx),
    },
  ];
}

async function statuses(
  parts: SubscriptionOperationParts,
  { id, parameters }: OperationCall,
  ctx: RequestContext,
): Promise<Bundle> {
  refuseUnknownParameters(parameters, ["id"]);
  const asked = id === undefined ? parameters.map((one) => textOfParameter([one], "id") ?? "") : [id];
  if (asked.length === 0 || asked.length > mostSubscriptions)
    throw new GatewayError("bad-request", { field: "id", detail: `1 to ${mostSubscriptions} of them` });
  const known = (await parts.repository.byIds("Subscription", asked, ctx)) as Subscription[];
  if (id !== undefined && known.length === 0) throw new GatewayError("not-found");
  const open = await Promise.all(known.map((subscription) => isFor(parts, subscription, ctx)));
  const found = known.filter((_, index) => open[index]);
  if (id !== undefined && found.length === 0) throw othersEvents();
  const entry = await Promise.all(
    found.map(async (subscription) => {
      const eventCount = await countOf(parts, subscription, ctx);
      const facts = { subscription, kind: "query-status" as const, eventCount, events: [] };
      return { resource: statusOf(facts, parts.baseUrl), search: { mode: "match" as const } };
    }),
  );
  return { resourceType: "Bundle", type: "searchset", total: entry.length, entry };
}

async function events(
  parts: SubscriptionOperationParts,
  { id = "", parameters }: OperationCall,
  ctx: RequestContext,
): Promise<Bundle> {
  const { db, repository, baseUrl, clock } = parts;
  refuseUnknownParameters(parameters, ["eventsSinceNumber", "eventsUntilNumber"]);
  const subscription = (await repository.read("Subscription", id, ctx)) as Subscription;
  if (!(await isFor(parts, subscription, ctx))) throw othersEvents();
  const range = {
    since: numberOf(parameters, "eventsSinceNumber"),
    until: numberOf(parameters, "eventsUntilNumber"),
    limit: mostEvents,
  };
  const found = await eventsOf(db, { tenant: ctx.actor.tenant, id }, range);
  const eventCount = await countOf(parts, subscription, ctx);
  const facts = { subscription, kind: "query-event" as const, eventCount, events: found };
  return notificationOf(facts, baseUrl, clock.now());
}

async function isFor(
  { db }: SubscriptionOperationParts,
  { id = "" }: Subscription,
  { actor }: RequestContext,
): Promise<boolean> {
  const standing = await standingOf(db, { tenant: actor.tenant, id });
  return !standing || hearsOf(standing.type, standing.owner, actor);
}

const othersEvents = () =>
  new GatewayError("access-denied", {
    field: "Subscription",
    detail: "events about people are told to the client and worker who asked for them",
  });

const countOf = async (
  { db }: SubscriptionOperationParts,
  { id = "" }: Subscription,
  { actor }: RequestContext,
) => (await eventCountOf(db, { tenant: actor.tenant, id })) ?? 0;

function numberOf(parameters: OperationCall["parameters"], name: string): number | undefined {
  const text = textOfParameter(parameters, name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new GatewayError("bad-request", { field: name, detail: "a whole number from 1" });
}
