import type { OperationOutcome, Resource } from "@medplum/fhirtypes";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import type { AccessTokens, NamedHuman } from "../../access/access-token.ts";
import type { ClientRegistry } from "../../access/clients.ts";
import { renewedGrant } from "../../access/renewed-grant.ts";
import type { Clock } from "../../core/clock.ts";
import { type RequestContext, systemContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { outcomeOf } from "../../fhir/outcome.ts";
import { subjectOf } from "../../fhir/subject.ts";
import type { CarryOut } from "../../jobs/deferred-requests.ts";
import type { DeferredAnswer } from "../../store/deferred-requests.ts";
import type { DeferredContent } from "./deferred.ts";
import type { DeferredReply } from "./deferred-answer.ts";
import { storedIn } from "./permitted-part.ts";

export interface DeferredRun {
  /** the door that answers everybody else too */
  app: Pick<FastifyInstance, "inject">;
  tokens: AccessTokens;
  clients: ClientRegistry;
  /** throws `access-denied` for a worker who holds the named post no more */
  confirmHuman(human: NamedHuman, ctx: RequestContext): Promise<void>;
  clock: Clock;
  log: Logger;
}

const confirmMs = 30_000;
const mostBytes = 32 << 20;

/**
 * Carries a deferred request out by sending it through the gateway's own door, under a token that is made anew: whoever
 * may ask no more is refused, and scope, decide() and journal do what they do for everybody.
 */
export function carryingOut(parts: DeferredRun): CarryOut {
  return async ({ content, interrupted, repeatable }) => {
    const asked = content as DeferredContent;
    if (interrupted) return refusalOf(new GatewayError("deferred-interrupted"), asked);
    try {
      const answer = await sent(parts, asked, await tokenFor(parts, asked));
      return isNotBegun(answer, repeatable) ? undefined : answerOf(answer, asked);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return error.retry.retryable ? undefined : refusalOf(error, asked);
    }
  };
}

async function tokenFor(parts: DeferredRun, { actor, token, requestId }: DeferredContent): Promise<string> {
  const { tokens, clients, confirmHuman, clock, log } = parts;
  if (await tokens.isRevoked(token))
    throw new GatewayError("unauthorized", { detail: "the access token was revoked" });
  const grant = renewedGrant(actor, clients.find(actor.id));
  const deadline = clock.now() + confirmMs;
  const ctx = systemContext({ id: "deferred-requests", tenant: actor.tenant, requestId, deadline, log });
  if (grant.human) await confirmHuman(grant.human, ctx);
  return (await tokens.issue({ ...grant, deferred: true }, actor.scopes)).access_token;
}

const sent = ({ app }: DeferredRun, asked: DeferredContent, token: string) =>
  app.inject({
    method: asked.method,
    url: asked.url,
    headers: {
      ...asked.headers,
      accept: "application/fhir+json",
      authorization: `Bearer ${token}`,
      "x-request-id": asked.requestId,
    },
    ...(asked.body !== undefined && { payload: Buffer.from(asked.body, "base64") }),
  });

/** Nothing was done, or what may be done again: it is asked for later. */
function isNotBegun(
  { statusCode, headers, rawPayload }: LightMyRequestResponse,
  repeatable: boolean,
): boolean {
  if (statusCode !== 503) return false;
  // of a server that is closing, before any door
  if (!String(headers["content-type"]).startsWith("application/fhir+json")) return true;
  const { issue } = JSON.parse(rawPayload.toString("utf8")) as OperationOutcome;
  const code = issue[0]?.details?.coding?.[0]?.code;
  return code === "overloaded" || (code === "store-unavailable" && repeatable);
}

function answerOf(
  { statusCode: status, headers, rawPayload }: LightMyRequestResponse,
  asked: DeferredContent,
): DeferredAnswer {
  if (rawPayload.length > mostBytes)
    return refusalOf(new GatewayError("too-costly", { detail: `more than ${mostBytes} bytes` }), asked);
  const body = rawPayload.length > 0 ? (JSON.parse(rawPayload.toString("utf8")) as Resource) : undefined;
  const { location, etag } = headers;
  const kept = { ...(location && { location }), ...(etag && { etag: String(etag) }) };
  const subjects = new Set((body ? storedIn(body) : []).flatMap((resource) => subjectOf(resource) ?? []));
  return { content: { status, headers: kept, format: asked.format, body }, subjects: [...subjects] };
}

function refusalOf(error: GatewayError, { format }: DeferredContent): DeferredAnswer {
  const content: DeferredReply = { status: error.row.status, headers: {}, format, body: outcomeOf(error) };
  return { content, subjects: [] };
}
