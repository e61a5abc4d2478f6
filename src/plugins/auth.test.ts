import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revocationsInMemory } from "../../test/support/revocations.ts";
import { AccessTokens } from "../access/access-token.ts";
import { ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { registerBearerAuth } from "./auth.ts";
import { registerContext } from "./context.ts";

const clock = new ManualClock();
const tokens = new AccessTokens({
  key: new Uint8Array(32),
  issuer: "https://gw.example",
  audience: "https://gw.example",
  lifeSeconds: 60,
  clock,
  revocations: revocationsInMemory(clock),
});
// one connection for all requests of this file, as a proxy before the gateway keeps it
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let app: FastifyInstance;

beforeAll(async () => {
  app = Fastify();
  registerContext(app, { clock, log: silentLogger, timeoutMs: 1_000 });
  registerBearerAuth(app, tokens);
  app.get("/", async ({ ctx, socket }) => `${ctx.actor.id} ${socket.remotePort}`);
  app.setErrorHandler((error, _request, reply) => reply.send((error as { code?: string }).code));
  await app.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  agent.destroy();
  await app.close();
});

/** What a request with this header is answered: the client and its port, or the error's code. */
const answered = (authorization?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port } = app.server.address() as AddressInfo;
    const headers = authorization === undefined ? {} : { authorization };
    request({ host: "127.0.0.1", port, agent, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(Buffer.concat(chunks).toString());
    })
      .on("error", reject)
      .end();
  });

const tokenOf = async (clientId: string) =>
  (await tokens.issue({ clientId, tenant: "1.2.643.1" }, ["system/*.rs"])).access_token;

describe("bearer tokens of one connection", () => {
  it("belong each to its own request: others', a wrong one, none", async () => {
    const [one, other] = [await tokenOf("one"), await tokenOf("other")];
    const first = await answered(`Bearer ${one}`);
    expect(first).toMatch(/^one \d+$/);
    expect(await answered(`Bearer ${other}`)).toBe(first.replace("one", "other"));
    expect(await answered(`Bearer ${one}x`)).toBe("unauthorized");
    expect(await answered(undefined)).toBe("unauthorized");
    expect(await answered(`Bearer ${one}`)).toBe(first);
  });

  it("hold no longer than the token, however often it was sent", async () => {
    const header = `Bearer ${await tokenOf("brief")}`;
    expect(await answered(header)).toMatch(/^brief /);
    expect(await answered(header)).toMatch(/^brief /);
    await clock.advance(61_000);
    expect(await answered(header)).toBe("token-expired");
  });

  it("are refused at once when the token is revoked", async () => {
    const token = await tokenOf("revoked");
    expect(await answered(`Bearer ${token}`)).toMatch(/^revoked /);
    const facts = await tokens.check(token);
    await tokens.revoke(facts);
    expect(await answered(`Bearer ${token}`)).toBe("unauthorized");
  });
});
