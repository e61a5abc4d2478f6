import fastify, { type FastifyInstance } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import type { Claim, Claimed, KeptAnswer } from "../store/idempotency.ts";
import type { JournalRow } from "../store/journal-format.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { jsonAnswer, registerIdempotency, requiredIdempotencyKeyOf } from "./idempotency.ts";
import { registerJournal } from "./journal.ts";
import { serverOptions } from "./server-options.ts";

const publicUrl = "https://gw.example";

/** The store's promises, in memory. */
class Keys {
  readonly rows = new Map<string, { request: string; answer?: KeptAnswer }>();
  async claim(caller: string, key: string, request: string): Promise<Claimed> {
    const row = this.rows.get(caller + key);
    if (!row) {
      this.rows.set(caller + key, { request });
      return { state: "mine", claim: { key: caller + key, holder: "h" } };
    }
    if (row.request !== request) return { state: "conflict" };
    return row.answer ? { state: "answered", answer: row.answer } : { state: "running" };
  }
  async keep({ key }: Claim, answer: KeptAnswer): Promise<boolean> {
    const row = this.rows.get(key);
    if (row) row.answer = answer;
    return row !== undefined;
  }
  async release({ key }: Claim): Promise<void> {
    this.rows.delete(key);
  }
}

let app: FastifyInstance;
let effects: number;
let journal: { action: string }[];
let timeoutMs: number;
let forgotten: string[];

beforeEach(async () => {
  effects = 0;
  journal = [];
  forgotten = [];
  timeoutMs = 5_000;
  await build();
});

async function build() {
  app = fastify(serverOptions({ publicUrl, timeoutMs }));
  registerContext(app, { clock: systemClock, log: silentLogger, timeoutMs });
  registerErrors(app, { publicUrl });
  const sink = {
    append: async (row: JournalRow) => void journal.push(row),
    appendIn: async (_trx: unknown, rows: readonly JournalRow[]) => void journal.push(...rows),
  };
  registerJournal(app, sink, systemClock);
  app.addHook("onRequest", async (request) => {
    request.ctx.actor = { kind: "practitioner", id: String(request.headers.who), tenant: "", scopes: [] };
  });
  registerIdempotency(app, {
    keys: new Keys() as never,
    clock: systemClock,
    keyOf: requiredIdempotencyKeyOf,
    forget: async (subjects) => void forgotten.push(...subjects),
    renewed: async (_request, answer) => answer,
  });
  app.post<{ Body: { fail?: boolean; slow?: boolean; settled?: boolean } }>(
    "/things",
    async (request, reply) => {
      const { body } = request;
      const number = ++effects;
      if (body?.fail) throw new GatewayError("upstream-unavailable");
      if (body?.settled)
        await request.settle(undefined as never, {
          ...jsonAnswer(reply, 201, { number }),
          forgotten: ["anna"],
          accesses: [
            { action: "create", resourceType: "Thing", resourceId: "1", subject: "anna", ground: "own" },
          ],
        });
      if (body?.slow) await new Promise((done) => setTimeout(done, 60));
      reply.code(201).headers({ location: `/things/${number}`, etag: 'W/"1"', "x-other": "gone" });
      return reply.send({ number, имя: "Анна" });
    },
  );
  app.get("/things", async () => ({ effects }));
}

const post = (key: string | undefined, body: object = {}, who = "anna") =>
  app.inject({
    method: "POST",
    url: "/things",
    headers: { who, ...(key !== undefined && { "idempotency-key": key }) },
    body,
  });

describe("a change with an Idempotency-Key", () => {
  it("has one effect however often it is sent, and every answer has the same bytes", async () => {
    const first = await post("a");
    const again = await post("a");
    expect(effects).toBe(1);
    expect(again.statusCode).toBe(201);
    for (const name of ["content-type", "location", "etag"])
      expect(again.headers[name]).toBe(first.headers[name]);
    expect(again.headers["x-other"]).toBeUndefined();
    expect(again.rawPayload.equals(first.rawPayload)).toBe(true);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect(first.headers["idempotent-replayed"]).toBeUndefined();
    expect(journal.map(({ action }) => action)).toEqual(["repeated POST"]);
  });

  it("16 parallel equal calls have one effect and one answer", async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => post("b", { slow: true })));
    expect(effects).toBe(1);
    expect(new Set(answers.map(({ payload }) => payload)).size).toBe(1);
    expect(answers.every(({ statusCode }) => statusCode === 201)).toBe(true);
  });

  it("is refused for another body, and is another caller's own", async () => {
    await post("c", { one: 1 });
    const other = await post("c", { one: 2 });
    expect([other.statusCode, other.json().code]).toEqual([409, "idempotency-conflict"]);
    expect((await post("c", { one: 2 }, "boris")).statusCode).toBe(201);
  });

  it("is carried out anew after a failure", async () => {
    expect((await post("d", { fail: true })).statusCode).toBe(503);
    expect((await post("d")).statusCode).toBe(201);
    expect(effects).toBe(2);
  });

  it.each([undefined, "", "имя", "with space", "x".repeat(256)])(
    "is refused without a right key: %s",
    async (key) => {
      const answer = await post(key);
      expect([answer.statusCode, answer.json().field]).toEqual([400, "headers/idempotency-key"]);
      expect(effects).toBe(0);
    },
  );

  it("repeated makes caches forget anew what its effect made untrue", async () => {
    const first = await post("f", { settled: true });
    expect(forgotten).toEqual([]);
    const again = await post("f", { settled: true });
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect(again.json().number).toBe(first.json().number);
    expect(forgotten).toEqual(["anna"]);
  });

  it("that is still being carried out at the deadline says so", async () => {
    timeoutMs = 40;
    await build();
    const slow = post("e", { slow: true }).then((answer) => answer.statusCode);
    const early = await post("e", { slow: true });
    expect([early.statusCode, early.json().code, early.json().retry.sameRequestId]).toEqual([
      409,
      "request-running",
      true,
    ]);
    expect(await slow).toBe(201);
  });

  it("reading needs no key", async () => {
    expect((await app.inject({ url: "/things" })).statusCode).toBe(200);
  });
});
