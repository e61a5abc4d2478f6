import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { isGatewayError } from "../core/errors.ts";
import { registerStrangers } from "./strangers.ts";

describe("strangers", () => {
  it("an address with many refused credentials waits a minute, others are served", async () => {
    const clock = new ManualClock();
    const app = Fastify();
    app.setErrorHandler((error, _request, reply) =>
      reply.code(isGatewayError(error) ? error.row.status : 500).send({}),
    );
    registerStrangers(app, { clock, refusalsPerMinute: 3 });
    app.get("/guarded", (request, reply) => reply.code(request.headers.authorization ? 200 : 401).send({}));
    const ask = async (remoteAddress: string, authorization?: string) =>
      (
        await app.inject({
          url: "/guarded",
          remoteAddress,
          headers: { ...(authorization && { authorization }) },
        })
      ).statusCode;
    for (let i = 0; i < 3; i++) expect(await ask("10.0.0.1")).toBe(401);
    expect(await ask("10.0.0.1", "Bearer good")).toBe(429);
    expect(await ask("10.0.0.2", "Bearer good")).toBe(200);
    await clock.advance(61_000);
    expect(await ask("10.0.0.1", "Bearer good")).toBe(200);
  });
});
