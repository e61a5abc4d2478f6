import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { authorityOf } from "../../fhir/search/page-link.ts";
import { type Format, formatOf } from "../../plugins/fhir-format.ts";
import { keptAnswer } from "../../plugins/idempotency.ts";
import type { DeferredOwner, DeferredRequests } from "../../store/deferred-requests.ts";
import type { Schema } from "../../store/schema.ts";
import { type DeferredReply, sendDeferredAnswer } from "./deferred-answer.ts";
import { onOwnPath, refuseNoId } from "./paths.ts";
import { preferencesOf } from "./prefer.ts";

export interface DeferredDoor {
  requests: DeferredRequests;
  db: Kysely<Schema>;
  clock: Clock;
  /** how long a deferred request may run */
  runMs: number;
}

/** What is put off: the request as it came, and for whom. */
export interface DeferredContent {
  /** jti of the caller's token */
  token: string;
  requestId: string;
  actor: FastifyRequest["ctx"]["actor"];
  method: "GET" | "POST";
  url: string;
  /** of the answer, unless the poll asks for another */
  format: Format;
  headers: Record<string, string>;
  /** base64; absent: none */
  body?: string;
}

export interface DeferredCall {
  baseUrl: string;
  deferred: DeferredDoor | undefined;
  request: FastifyRequest;
  reply: FastifyReply;
}

const pollSeconds = 2;
const carriedHeaders = [
  "content-type",
  "prefer",
  "accept-language",
  "x-emergency-reason",
  "x-legal-ground",
  "x-scenario",
];

/**
 * Answers now, or says 202 and where the answer will be, when the caller prefers so (FHIR R4 async, in R5's form
 * for Bundles). A person's session may end at any moment, so only client systems are put off.
 */
export async function answeredOrDeferred(
  { baseUrl, deferred, request, reply }: DeferredCall,
  answer: () => unknown,
  { repeatable = true } = {},
): Promise<unknown> {
  const { token, session } = request;
  if (deferred && token?.deferred) request.ctx.deadline = deferred.clock.now() + deferred.runMs;
  if (!deferred || !token || token.deferred || session || !isDeferrable(request)) return answer();
  await deferred.db.transaction().execute(async (trx) => {
    const owner = ownerOf(request);
    const id = await deferred.requests.submit(trx, {
      owner,
      content: contentOf(request, token.id),
      repeatable,
    });
    reply
      .code(202)
      .header("content-location", `${baseUrl}/_async/${id}`)
      .header("preference-applied", "respond-async")
      .header("retry-after", String(pollSeconds));
    await request.settle(trx, { ...keptAnswer(reply, ""), accesses: [deferral] });
  });
  return reply.send();
}

const deferral = { action: "defer" };

const isDeferrable = (request: FastifyRequest): boolean =>
  request.headers.prefer !== undefined &&
  request.method !== "HEAD" &&
  preferencesOf(request).has("respond-async");

/** `GET _async/id` and `DELETE _async/id`, for the caller who was told the address. */
export function registerDeferred(app: FastifyInstance, deferred: DeferredDoor): void {
  const polled = async (request: PollRequest, reply: FastifyReply) => {
    refuseNoId(request.params.id);
    const standing = await deferred.requests.standing(request.params.id, ownerOf(request));
    if (standing.state === "done") {
      const { answer, expiresAt } = standing;
      return sendDeferredAnswer(request, reply, { answer: answer as DeferredReply, expiresAt });
    }
    await request.journal({ action: "poll" });
    return reply
      .code(202)
      .header("x-progress", standing.state)
      .header("retry-after", String(pollSeconds))
      .send();
  };
  const cancelled = async (request: PollRequest, reply: FastifyReply) => {
    refuseNoId(request.params.id);
    await deferred.requests.cancel(request.params.id, ownerOf(request));
    await request.journal({ action: "cancel" });
    return reply.code(202).send();
  };
  onOwnPath(app, "/_async/:id", { GET: polled, DELETE: cancelled });
}

type PollRequest = FastifyRequest<{ Params: { id: string } }>;

/** Throws `not-found` for a person, whose requests are never put off. */
function ownerOf({ ctx: { actor }, token, session }: FastifyRequest): DeferredOwner {
  if (!token || session) throw new GatewayError("not-found");
  return { tenant: actor.tenant, client: actor.id, authority: authorityOf(actor) };
}

function contentOf(request: FastifyRequest, token: string): DeferredContent {
  const { method, url, headers, ctx } = request;
  const carried = carriedHeaders.flatMap((name): [string, string][] => {
    const value = [headers[name] ?? []].flat().join(", ");
    return value === "" ? [] : [[name, name === "prefer" ? withoutDeferral(value) : value]];
  });
  const body = bytesOf(request.body);
  return {
    token,
    requestId: ctx.requestId,
    actor: ctx.actor,
    method: method === "POST" ? "POST" : "GET",
    // it is kept as JSON whatever it is shown as
    url: url.replace(/([?&])_format=[^&]*/g, "$1_format=json"),
    format: formatOf(request),
    headers: Object.fromEntries(carried),
    ...(body && { body: body.toString("base64") }),
  };
}

const withoutDeferral = (prefer: string): string =>
  prefer
    .split(/[,;]/)
    .filter((part) => !/^\s*(respond-async|wait)\b/i.test(part))
    .join(",");

/** A form was read into its fields already. */
function bytesOf(body: unknown): Buffer | undefined {
  if (body === null || body === undefined || Buffer.isBuffer(body)) return body ?? undefined;
  const fields = Object.entries(body).flatMap(([name, value]) =>
    name === "_format" ? [] : [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  return Buffer.from(new URLSearchParams(fields).toString());
}
