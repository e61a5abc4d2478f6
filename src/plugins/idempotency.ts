import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Claim, Claimed, IdempotencyKeys, KeptAnswer } from "../store/idempotency.ts";

declare module "fastify" {
  interface FastifyRequest {
    idempotencyClaim: Claim | undefined;
  }
}

interface IdempotencySettings {
  keys: IdempotencyKeys;
  clock: Clock;
}

const changing = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const keyForm = /^[\x21-\x7e]{1,255}$/;
const firstWaitMs = 25;
const longestWaitMs = 400;

/**
 * Every change in this scope carries an Idempotency-Key: the first answer to a key is kept and given again, byte
 * for byte, to every equal request of the same caller. A refused or failed request is not kept.
 */
export function registerIdempotency(app: FastifyInstance, { keys, clock }: IdempotencySettings): void {
  app.decorateRequest("idempotencyClaim", undefined);
  // after validation and the caller's check: what they refuse needs no key
  app.addHook("preHandler", async (request, reply) => {
    if (!changing.has(request.method)) return;
    const claimed = await settled(request, keys, clock);
    if (claimed.state === "mine") request.idempotencyClaim = claimed.claim;
    else return repeat(request, reply, claimed.answer);
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const claim = request.idempotencyClaim;
    request.idempotencyClaim = undefined;
    if (!claim) return payload;
    if (reply.statusCode < 400) await keys.keep(claim, answerOf(reply, payload));
    // unreleased, it ends with its lease: the refusal itself must still be told
    else await keys.release(claim).catch((error) => request.ctx.log.warn({ error }, "claim not released"));
    return payload;
  });
}

/** The claim, or the first request's answer, waited for while that request runs. */
async function settled(
  request: FastifyRequest,
  keys: IdempotencyKeys,
  clock: Clock,
): Promise<Extract<Claimed, { state: "mine" | "answered" }>> {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string" || !keyForm.test(key))
    throw new GatewayError("bad-request", {
      field: "headers/idempotency-key",
      detail: "a change needs an Idempotency-Key of 1 to 255 visible ASCII characters",
    });
  const { actor, deadline } = request.ctx;
  const asked = JSON.stringify([request.method, request.url, request.body ?? null]);
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const claimed = await keys.claim(`${actor.kind} ${actor.id}`, key, asked);
    if (claimed.state === "mine" || claimed.state === "answered") return claimed;
    if (claimed.state === "conflict") throw new GatewayError("idempotency-conflict");
    if (clock.now() + waitMs > deadline) throw new GatewayError("request-running", { retryAfter: 2 });
    await clock.sleep(waitMs);
  }
}

async function repeat(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, contentType, body }: KeptAnswer,
): Promise<FastifyReply> {
  await request.journal({ action: `repeated ${request.method}`, subject: request.ctx.actor.id });
  reply.code(status).header("idempotent-replayed", "true");
  if (contentType) reply.header("content-type", contentType);
  return reply.send(Buffer.from(body));
}

function answerOf(reply: FastifyReply, payload: unknown): KeptAnswer {
  const contentType = String(reply.getHeader("content-type") ?? "");
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(typeof payload === "string" ? payload : "");
  return { status: reply.statusCode, contentType, body };
}
