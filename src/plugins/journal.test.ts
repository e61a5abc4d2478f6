import fastify, { type FastifyInstance } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { recordRefusal, registerJournal } from "./journal.ts";
import { serverOptions } from "./server-options.ts";

const publicUrl = "https://gw.example";
const clock = new ManualClock();
const id = "6d9c9b3e-6a3b-4a7e-9f0e-2c8d7f9a1b11";

let app: FastifyInstance;
let rows: object[];
let sink: (row: object) => Promise<void>;

beforeEach(() => {
  rows = [];
  sink = async (row) => void rows.push(row);
  app = fastify(serverOptions({ publicUrl, timeoutMs: 30_000 }));
  registerContext(app, { clock, log: silentLogger, timeoutMs: 30_000 });
  registerErrors(app, { publicUrl, record: recordRefusal });
  registerJournal(app, { append: (row) => sink(row), appendIn: async () => {} }, clock);
  app.addHook("onRequest", async (request) => {
    if (request.headers.authorization)
      request.ctx.actor = { kind: "client", id: "mis-1", tenant: "1.2.643.5", scopes: [] };
  });
  app.get<{ Params: { type: string; id: string } }>("/fhir/:type/:id", async ({ params }) => {
    throw new GatewayError(params.type === "Practitioner" ? "scope-missing" : "rate-limited");
  });
  app.get("/cabinet/v1/card", async (request) => {
    await request.journal({ action: "read", resourceType: "Practitioner", resourceId: id });
    return { card: true };
  });
});

const known = { authorization: "Bearer x" };

describe("the way into the journal", () => {
  it("Z-06 an attempt beyond the allowed is recorded with time, caller, operation and outcome", async () => {
    await app.inject({ url: `/fhir/Practitioner/${id}`, headers: known });
    expect(rows).toEqual([
      expect.objectContaining({
        at: clock.now(),
        actorId: "mis-1",
        action: "refused GET",
        resourceType: "Practitioner",
        resourceId: id,
        outcome: "scope-missing",
      }),
    ]);
  });

  it("a personal number in a refused path stays out of the row", async () => {
    await app.inject({ url: "/fhir/Practitioner/11223344595", headers: known });
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain("11223344595");
  });

  it("refusals for load fill no journal", async () => {
    await app.inject({ url: `/fhir/Basic/${id}`, headers: known });
    expect(rows).toEqual([]);
  });

  it("a path without a door fills no journal", async () => {
    const nowhere = await app.inject({ url: "/fhir/no/such/door" });
    const method = await app.inject({ method: "DELETE", url: "/cabinet/v1/card" });
    expect([nowhere.statusCode, method.statusCode]).toEqual([404, 405]);
    expect(rows).toEqual([]);
  });

  it("the answer waits for the row and does not leave without it", async () => {
    let commit = () => {};
    sink = () =>
      new Promise((resolve) => {
        commit = resolve;
      });
    let answered = false;
    const answer = app.inject({ url: "/cabinet/v1/card", headers: known }).then((reply) => {
      answered = true;
      return reply;
    });
    await new Promise(setImmediate);
    expect(answered).toBe(false);
    commit();
    expect((await answer).json()).toEqual({ card: true });
    sink = () => Promise.reject(new Error("connection to the store is lost"));
    const refused = await app.inject({ url: "/cabinet/v1/card", headers: known });
    expect(refused.statusCode).toBe(503);
    expect(refused.json().code).toBe("store-unavailable");
    expect(refused.body).not.toContain("card");
  });
});
