import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import { otherHolderOf } from "../access/data-holder.ts";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { KeptAccess } from "../store/idempotency.ts";
import { type JournalRow, otherOrganizationOf } from "../store/journal-format.ts";
import type { Schema } from "../store/schema.ts";

/** What a door knows about an access; who and when come from the request's context. */
export type Access = Pick<
  JournalRow,
  "holder" | "action" | "resourceType" | "resourceId" | "subject" | "ground" | "query"
>;

export interface JournalSink {
  append(row: JournalRow): Promise<void>;
  appendIn(trx: Kysely<Schema>, rows: readonly JournalRow[]): Promise<void>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** why the access was permitted or refused, as the journal keeps it */
    ground: string | undefined;
    /** what this request has journalled so far; collected only where a repeat will have to tell it */
    told: KeptAccess[] | undefined;
    /** writes the access into the journal; resolves when the row is committed, before the answer may leave */
    journal(access: Access, outcome?: ErrorCode): Promise<void>;
    /**
     * Writes the accesses of a change into the journal in its transaction: both stand or fall together, whatever
     * happens to this process. Throws `store-unavailable`.
     */
    journalIn(trx: Kysely<Schema>, accesses: readonly Accessed[]): Promise<void>;
  }
}

/** An access and how it ended; absent: ok. */
type Accessed = Access & { outcome?: JournalRow["outcome"] };

/** Gives requests their way into the journal; an access that can't be recorded is not answered (Z rows). */
export function registerJournal(app: FastifyInstance, sink: JournalSink, clock: Clock): void {
  app.decorateRequest("ground", undefined);
  app.decorateRequest("told", undefined);
  app.decorateRequest("journal", function (this: FastifyRequest, access: Access, outcome?: ErrorCode) {
    const row = rowOf(this, access, { at: clock.now(), outcome });
    this.told?.push(keptAccess(row));
    return timed(this, sink.append(row));
  });
  app.decorateRequest("journalIn", function (this: FastifyRequest, trx, accesses) {
    const at = clock.now();
    const rows = accesses.map((access) => rowOf(this, access, { at, outcome: access.outcome }));
    return timed(this, sink.appendIn(trx, rows));
  });
}

// this runs for every request: no spread
function rowOf(
  request: FastifyRequest,
  access: Access,
  { at, outcome }: { at: number; outcome?: JournalRow["outcome"] },
): JournalRow {
  const { requestId, actor } = request.ctx;
  return {
    at,
    tenant: actor.tenant,
    requestId,
    actorKind: actor.kind,
    actorId: actor.id,
    onBehalfOf: actor.onBehalfOf,
    role: actor.role,
    organization: otherOrganizationOf(actor),
    holder: otherHolderOf(actor.tenant, access.holder),
    action: access.action,
    resourceType: access.resourceType,
    resourceId: access.resourceId,
    subject: access.subject,
    ground: groundOf(request, access),
    purpose: actor.purpose,
    outcome: outcome ?? "ok",
    token: actor.session === undefined ? request.token?.id : undefined,
    // what was put off is sent by the gateway itself
    address: request.token?.deferred ? undefined : request.ip,
    // no URL of the cabinet names a person but by a logical id
    query: access.query ?? (access.action === "search" ? request.url : undefined),
  };
}

// no async closure either
function timed({ ctx: { timings } }: FastifyRequest, appended: Promise<void>): Promise<void> {
  const startMs = performance.now();
  return appended.then(
    () => void timings.entries.push({ name: "journal append", startMs, endMs: performance.now() }),
    (error) => {
      const attributes = { "error.type": "store-unavailable" };
      timings.entries.push({ name: "journal append", startMs, endMs: performance.now(), attributes });
      refuse(error);
    },
  );
}

/** The ground of an access as the journal keeps it. */
export const groundOf = (
  request: FastifyRequest,
  { ground, resourceType, resourceId }: Access,
): string | undefined =>
  ground ??
  request.grounds?.get(`${resourceType}/${resourceId}`) ??
  request.ground ??
  request.ctx.actor.purpose;

const keptAccess = ({
  holder,
  action,
  resourceType,
  resourceId,
  subject,
  ground,
  outcome,
}: JournalRow): KeptAccess => ({ holder, action, resourceType, resourceId, subject, ground, outcome });

function refuse(cause: unknown): never {
  if (isGatewayError(cause)) throw cause;
  throw new GatewayError("store-unavailable", { cause, detail: "the access could not be journalled" });
}

const dataDoors = /^\/(fhir|cabinet|auth)(\/|\?|$)/;
// shed load must stay cheap, and a store that does not answer can't take the row either
const unrecorded = new Set<ErrorCode>(["rate-limited", "overloaded", "store-unavailable"]);
// whatever else stands in a path may be a person's number
const randomId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const typeName = /^[A-Z][A-Za-z]{1,40}$/;

/** An id as a refused access may name it, a random one of ours: a caller may have sent a person's number. */
export const nameableId = (id: string | undefined): string | undefined =>
  id !== undefined && randomId.test(id) ? id : undefined;

/** A refused or failed access is a row too, with the code it was answered with. */
export async function recordRefusal(request: FastifyRequest, code: ErrorCode): Promise<void> {
  if (!dataDoors.test(request.url) || unrecorded.has(code)) return;
  // no door was found, so nobody was asked who they are and nothing was accessed
  if (request.is404) return;
  const { type = "", id = "" } = (request.params ?? {}) as { type?: string; id?: string };
  await request.journal(
    {
      action: `refused ${request.method}`,
      resourceType: typeName.test(type) ? type : undefined,
      resourceId: nameableId(id),
      ...request.refused,
    },
    code,
  );
}
