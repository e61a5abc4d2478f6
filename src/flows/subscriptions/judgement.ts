import type { Kysely } from "kysely";
import type { AccessedResource, FactsOf } from "../../access/access-facts.ts";
import type { ClientRegistry } from "../../access/clients.ts";
import { classOf } from "../../access/data-classes.ts";
import { holderOf, otherHolderOf } from "../../access/data-holder.ts";
import { type Decision, decide } from "../../access/decide.ts";
import { groundText } from "../../access/ground-text.ts";
import { renewedGrant } from "../../access/renewed-grant.ts";
import type { Clock } from "../../core/clock.ts";
import { type Actor, type RequestContext, systemContext } from "../../core/context.ts";
import { isGatewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Journal, JournalRow } from "../../store/journal.ts";
import { otherOrganizationOf } from "../../store/journal-format.ts";
import type { ClaimedMessage, Outbox } from "../../store/outbox.ts";
import type { Schema } from "../../store/schema.ts";
import { lockedFor, standingOf } from "../../store/subscriptions.ts";
import { type QueuedEvent, tell } from "./watch.ts";

export interface JudgementParts {
  db: Kysely<Schema>;
  outbox: Outbox;
  journal: Pick<Journal, "append">;
  clients: ClientRegistry;
  factsOf: FactsOf;
  clock: Clock;
  log: Logger;
}

/**
 * Numbers an event about people when the one who asked for the Subscription may read what it is about, and journals it as
 * told beforehand, so that the patient sees it; of any other no trace is left. Throws what loading the facts throws, so
 * that the outbox tries again.
 */
export async function judgeEvent(parts: JudgementParts, message: ClaimedMessage): Promise<void> {
  const { db, outbox, log } = parts;
  const { id: requestId, tenant, leaseEndsAt: deadline } = message;
  const { subscription, event, about } = message.payload as QueuedEvent;
  const key = { tenant, id: subscription };
  const { owner, state } = (await standingOf(db, key)) ?? {};
  if (!owner || state === "off") return;
  const ctx = systemContext({ id: "subscriptions", tenant, requestId, deadline, log });
  const decision = await decisionOn(parts, { owner, about }, ctx);
  if (!decision?.permit) return;
  await parts.journal.append(toldRow({ owner, about, ctx, decision, at: parts.clock.now() }));
  await db.transaction().execute(async (trx) => {
    const watcher = await lockedFor(trx, key, event);
    if (watcher) await tell(outbox, trx, watcher, event);
  });
}

/** Whether the owner may read it now; undefined when their client may do nothing any more. */
async function decisionOn(
  { clients, factsOf, clock }: JudgementParts,
  { owner, about }: { owner: Actor; about: AccessedResource },
  ctx: RequestContext,
): Promise<Decision | undefined> {
  const actor = standingToday(owner, clients);
  if (!actor) return undefined;
  const factsFor = await factsOf({ ...ctx, actor }, about.subject === undefined ? [] : [about.subject]);
  return decide(actor, "read", about, { ...factsFor(about.subject), at: clock.now() });
}

interface Telling {
  owner: Actor;
  about: AccessedResource;
  ctx: RequestContext;
  decision: Decision;
  at: number;
}

const toldRow = ({ owner, about, ctx, decision, at }: Telling): JournalRow => ({
  at,
  tenant: owner.tenant,
  requestId: ctx.requestId,
  actorKind: owner.kind,
  actorId: owner.id,
  onBehalfOf: owner.onBehalfOf,
  role: owner.role,
  organization: otherOrganizationOf(owner),
  holder: otherHolderOf(owner.tenant, holderOf(about)),
  action: "told",
  resourceType: about.type,
  resourceId: about.id,
  subject: about.subject,
  ground: groundText(decision),
  purpose: owner.purpose,
  outcome: "ok",
});

/** The owner as the client is registered today; undefined when it may not go on. */
function standingToday(owner: Actor, clients: ClientRegistry): Actor | undefined {
  try {
    const { duties, remit, signature } = renewedGrant(owner, clients.find(owner.id));
    return { ...owner, duties, remit, signature };
  } catch (error) {
    if (isGatewayError(error)) return undefined;
    throw error;
  }
}

/** True for whom the events of a Subscription are: anybody who reads it, but of people only the one who asked. */
export function hearsOf(type: string, owner: Actor | undefined, actor: Actor): boolean {
  if (classOf(type) === "system") return true;
  return (
    owner?.kind === actor.kind &&
    owner.id === actor.id &&
    owner.onBehalfOf === actor.onBehalfOf &&
    owner.organization === actor.organization
  );
}
