import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { limitConnections } from "./connections.ts";
import { serverOptions } from "./server-options.ts";

let app: FastifyInstance;
let runs: number;
let over: number;
beforeEach(async () => {
  [runs, over] = [0, 0];
  app = Fastify(serverOptions({ publicUrl: "http://here.example", timeoutMs: 100, stalledMs: 100 }));
  limitConnections(app.server, 2);
  app.get("/big", (_request, reply) => {
    runs++;
    reply.raw.once("close", () => over++);
    reply.send(Buffer.alloc(32 << 20));
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
});
afterEach(() => app.close());

const open = (requests: number) => {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n".repeat(requests));
  return socket.pause();
};

it("of pipelined requests one runs at a time, and a caller who reads nothing is cut", async () => {
  const socket = open(5);
  await expect.poll(() => runs).toBe(1);
  await expect.poll(() => over, { timeout: 5_000 }).toBe(1);
  expect(runs).toBe(1);
  socket.destroy();
});

it("a connection with too many waiting requests is cut at once", async () => {
  const socket = open(200).resume();
  await once(socket, "close");
  expect(runs).toBe(1);
});

it("connections beyond the limit are closed", async () => {
  const kept = [open(1), open(1)];
  await expect.poll(() => runs).toBe(2);
  await once(open(1).resume(), "close");
  expect(runs).toBe(2);
  for (const socket of kept) socket.destroy();
});
