import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { type Drain, registerDrain } from "./drain.ts";

let app: FastifyInstance;
let drain: Drain;
let clock: ManualClock;
let agent: Agent;
let port: number;
let slow: number;
beforeEach(async () => {
  clock = new ManualClock();
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  app = Fastify({ return503OnClosing: false });
  drain = registerDrain(app, { clock, log: silentLogger, noticeMs: 10, idleMs: 10, limitMs: 25 });
  app.get("/", async () => "here");
  slow = 0;
  app.get("/slow", () => {
    slow++;
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  port = (app.server.address() as AddressInfo).port;
  await asked("/");
});
afterEach(() => {
  agent.destroy();
  return app.close();
});

const send = (path: string) => get({ port, host: "127.0.0.1", path, agent });
const asked = async (path: string) => {
  const request = send(path);
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  await once(answer.resume(), "end");
  return { status: answer.statusCode, connection: answer.headers.connection, kept: request.reusedSocket };
};
const isListening = () => app.server.listening;

it("a kept connection has one more request after the listener has closed", async () => {
  const over = drain.run();
  expect(drain.draining).toBe(true);
  await clock.advance(10);
  await expect.poll(isListening).toBe(false);
  expect(await asked("/")).toEqual({ status: 200, connection: "close", kept: true });
  await over;
});

it("one that sends nothing is cut when its time is over", async () => {
  const over = drain.run();
  await clock.advance(10);
  await expect.poll(isListening).toBe(false);
  await clock.advance(10);
  await over;
});

it("what still runs at the limit is cut, notice included", async () => {
  const lost = once(send("/slow"), "error");
  await expect.poll(() => slow).toBe(1);
  const over = drain.run();
  await clock.advance(10);
  await expect.poll(isListening).toBe(false);
  await clock.advance(15);
  await over;
  expect(await lost).toHaveLength(1);
});
