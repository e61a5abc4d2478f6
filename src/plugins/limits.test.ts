import { once } from "node:events";
import { connect } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { ManualClock, systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { ClientRates } from "./client-rates.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { registerLimits, watchLoad } from "./limits.ts";
import { serverOptions } from "./server-options.ts";
import { registerTelemetry } from "./telemetry.ts";

const publicUrl = "https://gw.example";
let app: FastifyInstance;
let overloaded = false;
let telemetry: Telemetry;

async function start(perMinute = 3): Promise<FastifyInstance> {
  overloaded = false;
  telemetry = new Telemetry({
    version: "0.0.0",
    log: silentLogger,
    clock: new ManualClock(),
    ratio: 1,
    slowMs: 1_000,
  });
  app = fastify(serverOptions({ publicUrl, timeoutMs: 30_000 }));
  registerContext(app, { clock: systemClock, log: silentLogger, timeoutMs: 30_000 });
  registerTelemetry(app, { telemetry, pseudonym: (id) => id });
  const rates = new ClientRates({ clock: new ManualClock() });
  const limit = registerLimits(app, { perMinute, rates, overloaded: () => overloaded, https: true });
  registerErrors(app, { publicUrl, limit });
  app.register(async (guarded) => {
    guarded.addHook("onRequest", async (request) => {
      const id = request.headers.authorization;
      if (id) request.ctx.actor = { kind: "client", id, tenant: "1.2.643", scopes: [] };
    });
    guarded.get("/cabinet/v1/x", async () => ({}));
  });
  app.get("/health/live", { config: { rateLimit: false } }, async () => ({}));
  return app;
}
afterEach(async () => {
  await app.close();
  await telemetry.close();
});

const ask = (client: string) => app.inject({ url: "/cabinet/v1/x", headers: { authorization: client } });
const rejected = () =>
  Object.fromEntries(
    telemetry.instruments.rejected.series.map(({ attributes, value }) => [attributes.reason, value]),
  );

describe("limits", () => {
  it("an address that asks for paths without a door has its rate too", async () => {
    await start();
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push((await app.inject("/fhir/no/such/door")).statusCode);
    expect(seen).toEqual([404, 404, 404, 429]);
  });

  it("each client has its own rate, told in RateLimit headers, and a coded 429 past it", async () => {
    await start();
    const first = await ask("a");
    expect(first.headers).toMatchObject({ "ratelimit-limit": "3", "ratelimit-remaining": "2" });
    await ask("a");
    await ask("a");
    const over = await ask("a");
    expect(over.statusCode).toBe(429);
    expect(over.json()).toMatchObject({ code: "rate-limited", retry: { retryable: true } });
    expect(Number(over.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("b")).statusCode).toBe(200);
    expect(rejected()).toEqual({ rate: 1 });
  });

  it("an overloaded replica refuses work with 503 and Retry-After but answers probes", async () => {
    await start();
    overloaded = true;
    const refused = await ask("a");
    expect(refused.statusCode).toBe(503);
    expect(refused.json().code).toBe("overloaded");
    expect(refused.headers["retry-after"]).toBe("5");
    expect((await app.inject("/health/live")).statusCode).toBe(200);
    expect(rejected()).toEqual({ load: 1 });
  });

  it("answers carry security headers and the request's id", async () => {
    await start();
    const id = "6d9c9b3e-6a3b-4a7e-9f0e-2c8d7f9a1b11";
    const answer = await app.inject({ url: "/health/live", headers: { "x-request-id": id } });
    expect(answer.headers).toMatchObject({
      "x-request-id": id,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "strict-transport-security": expect.stringContaining("max-age"),
      "cache-control": "no-store",
    });
    const other = await app.inject({ url: "/health/live", headers: { "x-request-id": "11223344595" } });
    expect(other.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("the event loop's delay decides what is overload", async () => {
    await start();
    const calm = watchLoad(60_000);
    const strict = watchLoad(0);
    await expect.poll(() => strict.overloaded(), { timeout: 5_000 }).toBe(true);
    expect(calm.overloaded()).toBe(false);
    calm.stop();
    strict.stop();
  });

  it("bytes that are not HTTP are refused in our words and the connection closed", async () => {
    await start();
    const address = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));
    const socket = connect(Number(address.port), "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.write("GET / HTTP/9.9\r\nbroken\r\n\r\n");
    await once(socket, "close");
    const text = Buffer.concat(chunks).toString();
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('"code":"bad-request"');
  });
});

describe("request telemetry", () => {
  it("a request whose caller went away is measured as refused, and no longer counts as active", async () => {
    await start();
    app.get("/cabinet/v1/never", () => new Promise(() => {}));
    const address = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));
    const socket = connect(Number(address.port), "127.0.0.1");
    socket.write("GET /cabinet/v1/never HTTP/1.1\r\nhost: gw\r\n\r\n");
    await expect.poll(() => telemetry.instruments.activeRequests.of({}).value).toBe(1);
    socket.destroy();
    await expect.poll(() => telemetry.instruments.activeRequests.of({}).value).toBe(0);
    expect(telemetry.instruments.requestSeconds.series.map(({ attributes }) => attributes)).toContainEqual(
      expect.objectContaining({ http_route: "/cabinet/v1/never", http_response_status_code: "4xx" }),
    );
  });

  it("every request is measured by route, not by its path, and its trace may be kept", async () => {
    await start(100);
    await ask("a");
    await app.inject("/nowhere/11223344595");
    const series = telemetry.instruments.requestSeconds.series.map(({ attributes }) => attributes);
    expect(series).toContainEqual({
      http_request_method: "GET",
      http_route: "/cabinet/v1/x",
      http_response_status_code: "2xx",
      slo: "read",
    });
    expect(series).toContainEqual(
      expect.objectContaining({ http_route: "other", http_response_status_code: "404" }),
    );
    expect(telemetry.instruments.activeRequests.of({}).value).toBe(0);
    expect(telemetry.instruments.tracesKept.of({ reason: "sample" }).value).toBe(2);
  });
});
