import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { serverOptions } from "./server-options.ts";
import { strangerLimit } from "./strangers.ts";

const publicUrl = "https://gw.example";

function start(trustedProxies: readonly string[] = []) {
  const clock = new ManualClock();
  const recorded: string[] = [];
  const app = Fastify(serverOptions({ publicUrl, timeoutMs: 30_000, trustedProxies }));
  registerContext(app, { clock, log: silentLogger, timeoutMs: 30_000 });
  registerErrors(app, {
    publicUrl,
    judge: strangerLimit({ clock, refusalsPerMinute: 3 }),
    record: async (_request, code) => void recorded.push(code),
  });
  app.get("/health/live", async () => ({}));
  app.get("/guarded", async ({ headers }) => {
    if (!headers.authorization) throw new GatewayError("unauthorized");
    return {};
  });
  const ask = async (
    remoteAddress: string,
    { url = "/guarded", ...headers }: Record<string, string> = {},
  ): Promise<number> => (await app.inject({ url, remoteAddress, headers })).statusCode;
  return { ask, clock, recorded };
}

const good = { authorization: "Bearer good" };

describe("strangers", () => {
  it("an address with many refused credentials waits a minute", async () => {
    const { ask, clock, recorded } = start();
    for (let i = 0; i < 3; i++) expect(await ask("10.0.0.1")).toBe(401);
    expect(await ask("10.0.0.1")).toBe(429);
    expect(await ask("10.0.0.2")).toBe(401);
    expect(recorded).toEqual([
      "unauthorized",
      "unauthorized",
      "unauthorized",
      "rate-limited",
      "unauthorized",
    ]);
    await clock.advance(61_000);
    expect(await ask("10.0.0.1")).toBe(401);
  });

  it("who has valid credentials, and a probe, pass at the same address", async () => {
    const { ask } = start();
    for (let i = 0; i < 5; i++) await ask("10.0.0.1");
    expect(await ask("10.0.0.1", good)).toBe(200);
    expect(await ask("10.0.0.1", { url: "/health/live" })).toBe(200);
  });

  it("the address behind a trusted proxy counts, anybody else's word for it does not", async () => {
    const { ask } = start(["10.0.0.9"]);
    for (let i = 0; i < 4; i++) await ask("10.0.0.9", { "x-forwarded-for": "198.51.100.1" });
    expect(await ask("10.0.0.9", { "x-forwarded-for": "198.51.100.1" })).toBe(429);
    expect(await ask("10.0.0.9", { "x-forwarded-for": "198.51.100.2" })).toBe(401);
    expect(await ask("10.0.0.8", { "x-forwarded-for": "198.51.100.1" })).toBe(401);
  });
});
