import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Claim, Claimed, IdempotencyKeys, KeptAccess, KeptAnswer } from "../store/idempotency.ts";
import type { Schema } from "../store/schema.ts";
import { hookChanges } from "./changing-routes.ts";
import { groundOf } from "./journal.ts";

declare module "fastify" {
  interface FastifyRequest {
    idempotencyClaim: OpenClaim | undefined;
    /** the key that a repeat of this request would have, too */
    repeatKey: string | undefined;
    /**
     * Called in the transaction of a change, with the answer that will leave: from its commit on the journal has its
     * accesses, and a repeat under the request's key, if it has one, gets this answer, whatever happens to this process.
     * Throws `request-running`, which rolls the change back, when another request has taken the key over. `isLast: false`
     * when more is added to the answer before it leaves: a repeat gets this one only if the process dies meanwhile.
     */
    settle(trx: Kysely<Schema>, answer: SettledAnswer, how?: { isLast: boolean }): Promise<void>;
    /**
     * Does a part of a request whose parts stand each for itself: a repeat gets the part's first answer, and does what
     * was refused or not done. The work calls `settle` in the transaction of its effect, if it has one.
     */
    oncePart(part: number, work: (settle: SettlePart) => Promise<KeptAnswer>): Promise<KeptAnswer>;
  }
}

interface OpenClaim extends Claim {
  isSettled?: boolean;
  isInParts?: boolean;
  /** what the journal has of a change whose answer is added to */
  accesses?: readonly KeptAccess[];
}

/** What leaves, with the accesses that the journal has of it. */
export type SettledAnswer = KeptAnswer & { accesses: readonly KeptAccess[] };
export type SettlePart = (trx: Kysely<Schema>, answer: SettledAnswer) => Promise<void>;

export interface IdempotencySettings {
  keys: IdempotencyKeys;
  clock: Clock;
  /** the key under which the caller may repeat a change; undefined: it is carried out each time it comes */
  keyOf(request: FastifyRequest): string | undefined;
  /** resolves when no replica gives a kept answer about these subjects */
  forget(subjects: readonly string[]): Promise<unknown>;
  /** the kept answer without what the caller may see no more; throws what refuses all of it */
  renewed(request: FastifyRequest, answer: KeptAnswer): Promise<KeptAnswer>;
}

const keyForm = /^[\x21-\x7e]{1,255}$/;
const firstWaitMs = 25;
const longestWaitMs = 400;
const keptHeaders = ["content-type", "location", "content-location", "etag", "last-modified"];

/**
 * The first answer to a key is kept and given again, byte for byte, to every equal request of the same caller. A
 * refused or failed request is not kept.
 */
export function registerIdempotency(app: FastifyInstance, settings: IdempotencySettings): void {
  const { keys } = settings;
  app.decorateRequest("idempotencyClaim", undefined);
  app.decorateRequest("repeatKey", undefined);
  app.decorateRequest("settle", async function (this: FastifyRequest, trx, answer, how) {
    const { isLast = true } = how ?? {};
    const claim = this.idempotencyClaim;
    await settleIn(trx, keys, { request: this, claim, answer, isLast });
    if (claim) Object.assign(claim, { isSettled: isLast, accesses: answer.accesses });
  });
  app.decorateRequest("oncePart", function (this: FastifyRequest, part, work) {
    return oncePart(this, settings, { part, work });
  });
  hookChanges(app, {
    // after validation and the caller's check: what they refuse needs no key
    preHandler: async (request, reply) => {
      const key = settings.keyOf(request);
      if (key === undefined) return;
      const claimed = await settled(request, key, settings);
      request.repeatKey = key;
      request.told = [];
      if (claimed.state === "mine") request.idempotencyClaim = claimed.claim;
      else {
        if (claimed.answer.isInParts) return void reply.header("idempotent-replayed", "true");
        return send(reply, await givenAgain(request, settings, claimed.answer));
      }
    },
    onSend: async (request, reply, payload) => {
      const claim = request.idempotencyClaim;
      request.idempotencyClaim = undefined;
      if (!claim) return payload;
      // unreleased, it ends with its lease: the refusal itself must still be told
      if (reply.statusCode >= 400)
        await keys.release(claim).catch((error) => request.ctx.log.warn({ error }, "claim not released"));
      else if (claim.isInParts) await keys.keep(claim, inParts);
      else if (!claim.isSettled)
        await keys.keep(claim, {
          ...keptAnswer(reply, payload),
          accesses: [...(claim.accesses ?? []), ...(request.told ?? [])],
          asked: request.asked,
        });
      return payload;
    },
  });
}

/** The request's Idempotency-Key, if any; throws `bad-request` for one that is malformed. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined || (typeof key === "string" && keyForm.test(key))) return key as string | undefined;
  throw new GatewayError("bad-request", {
    field: "headers/idempotency-key",
    detail: "an Idempotency-Key is 1 to 255 visible ASCII characters",
  });
}

/** As idempotencyKeyOf, but throws `bad-request` also when there is none. */
export function requiredIdempotencyKeyOf(request: FastifyRequest): string {
  const key = idempotencyKeyOf(request);
  if (key !== undefined) return key;
  throw new GatewayError("bad-request", {
    field: "headers/idempotency-key",
    detail: "a change needs an Idempotency-Key of 1 to 255 visible ASCII characters",
  });
}

/** The claim, or the first request's answer, waited for while that request runs. */
async function settled(
  request: FastifyRequest,
  key: string,
  { keys, clock }: IdempotencySettings,
): Promise<Extract<Claimed, { state: "mine" | "answered" }>> {
  const { actor, deadline } = request.ctx;
  const { method, url, headers } = request;
  const asked = JSON.stringify([
    ...[method, url, headers["if-match"], headers["if-none-exist"], textOf(request.body)],
    // the reason and the signature of a change; without it a key of before stays equal
    ...(headers["x-provenance"] === undefined ? [] : [headers["x-provenance"]]),
  ]);
  const caller = [actor.kind, actor.id, actor.onBehalfOf ?? ""].join(" ");
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const claimed = await keys.claim(caller, key, asked);
    if (claimed.state === "mine" || claimed.state === "answered") return claimed;
    if (claimed.state === "conflict") throw new GatewayError("idempotency-conflict");
    if (clock.now() + waitMs > deadline) throw new GatewayError("request-running", { retryAfter: 2 });
    await clock.sleep(waitMs);
  }
}

const textOf = (body: unknown): unknown => (Buffer.isBuffer(body) ? body.toString("latin1") : (body ?? null));

const inParts: KeptAnswer = { status: 200, headers: {}, body: new Uint8Array(), isInParts: true };

/** Throws `request-running`, which rolls the effect back, when the claim was lost. */
async function settleIn(
  trx: Kysely<Schema>,
  keys: IdempotencyKeys,
  given: { request: FastifyRequest; claim?: Claim; answer: SettledAnswer; isLast: boolean },
): Promise<void> {
  const { request, claim, answer, isLast } = given;
  await request.journalIn(trx, answer.accesses);
  if (!claim) return;
  const accesses = answer.accesses.map((access) => ({ ...access, ground: groundOf(request, access) }));
  if (!(await keys.keep(claim, { ...answer, accesses, asked: request.asked }, { db: trx, isLast })))
    throw new GatewayError("request-running");
}

async function oncePart(
  request: FastifyRequest,
  settings: IdempotencySettings,
  { part, work }: { part: number; work: (settle: SettlePart) => Promise<KeptAnswer> },
): Promise<KeptAnswer> {
  const { repeatKey, idempotencyClaim: whole, told = [] } = request;
  const { keys } = settings;
  const settleWith =
    (claim?: Claim): SettlePart =>
    (trx, answer) =>
      settleIn(trx, keys, { request, claim, answer, isLast: true });
  if (repeatKey === undefined) return work(settleWith());
  if (whole) whole.isInParts = true;
  // no key of a whole request begins so
  const claimed = await settled(request, `part ${part} of ${repeatKey}`, settings);
  if (claimed.state === "answered") return givenAgain(request, settings, claimed.answer);
  const { claim } = claimed;
  const before = told.length;
  let isSettled = false;
  try {
    const answer = await work(async (trx, done) => {
      await settleWith(claim)(trx, done);
      isSettled = true;
    });
    if (!isSettled) await keys.keep(claim, { ...answer, accesses: told.slice(before) });
    return answer;
  } catch (error) {
    // what was kept with its effect stays
    await keys.release(claim).catch((cause) => request.ctx.log.warn({ error: cause }, "claim not released"));
    throw error;
  }
}

/** A kept answer as it may leave now; the accesses that it tells of are journalled again. */
async function givenAgain(
  request: FastifyRequest,
  { forget, renewed }: IdempotencySettings,
  kept: KeptAnswer,
): Promise<KeptAnswer> {
  // whoever had the effect may have died before every replica knew of it
  await forget(kept.forgotten ?? []);
  const answer = await renewed(request, kept);
  const { kind, id } = request.ctx.actor;
  const subject = kind === "practitioner" || kind === "patient" ? id : undefined;
  const { accesses = [] } = answer;
  const told = accesses.length > 0 ? accesses : [{ action: request.method, subject }];
  for (const { action, outcome, ...access } of told)
    await request.journal(
      { action: `repeated ${action}`, ...access },
      outcome === "ok" ? undefined : outcome,
    );
  return answer;
}

const send = (reply: FastifyReply, { status, headers, body }: KeptAnswer): FastifyReply =>
  reply.code(status).headers(headers).header("idempotent-replayed", "true").send(Buffer.from(body));

/** A JSON answer as the route's contract serializes it, for `settle`. */
export function jsonAnswer(reply: FastifyReply, status: number, payload: object): KeptAnswer {
  const serialize = reply.getSerializationFunction(String(status), "application/json") ?? JSON.stringify;
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: Buffer.from(String(serialize(payload as Record<string, unknown>))),
  };
}

/** The answer that a reply with this body is, as its headers stand now. */
export function keptAnswer(reply: FastifyReply, payload: unknown): KeptAnswer {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(typeof payload === "string" ? payload : "");
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) => {
      const value = reply.getHeader(name);
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
  return { status: reply.statusCode, headers, body };
}
