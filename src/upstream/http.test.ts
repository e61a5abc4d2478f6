import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { answerByNock } from "../../test/support/nock.ts";
import { readOperation, testContext, testUpstream } from "../../test/support/upstream.ts";
import { systemClock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { GatewayError } from "../core/errors.ts";
import { readXml } from "../xml/read.ts";
import type { SystemSettings } from "./lane.ts";
import type { Attempt, Operation } from "./operation.ts";

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A server on loopback that counts requests. */
async function serve(answer: RequestListener): Promise<{ url: string; requests: () => number }> {
  let requests = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, reply) => {
    requests += 1;
    answer(request, reply);
  });
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/svc`, requests: () => requests };
}

interface Plan {
  operation?: Partial<Operation>;
  settings?: Partial<SystemSettings>;
  ctx?: Partial<RequestContext>;
}

async function get<T = string>(url: string, plan: Plan = {}, decode = (text: string) => text as T) {
  const { upstream } = testUpstream(systemClock, plan.settings);
  stops.push(() => upstream.close());
  const operation = { ...readOperation, timeoutMs: 2_000, ...plan.operation };
  const send = async (attempt: Attempt) => decode(await (await attempt.fetch(url)).text());
  return upstream.call(operation, undefined, { send }, testContext(systemClock, plan.ctx));
}

const failure = (url: string, plan: Plan = {}) =>
  get(url, plan).then(
    () => undefined,
    (error: GatewayError) => error,
  );

describe("over real sockets", () => {
  it("I-02 a hanging system ends as upstream-timeout within its budget", async () => {
    const { url } = await serve(() => {});
    const startedAt = Date.now();
    expect(await failure(url, { operation: { timeoutMs: 300 } })).toMatchObject({ code: "upstream-timeout" });
    expect(Date.now() - startedAt).toBeLessThan(1_500);
  });

  it("I-02 a body that stops half-way ends as upstream-timeout", async () => {
    const { url } = await serve((_, reply) => {
      reply.writeHead(200, { "content-type": "application/xml" }).write("<a>");
    });
    expect(await failure(url, { operation: { timeoutMs: 300 } })).toMatchObject({ code: "upstream-timeout" });
  });

  it("I-01 a reset is tried again, for a read only", async () => {
    const reset = await serve((request) => request.socket.resetAndDestroy());
    expect(await failure(reset.url)).toMatchObject({ code: "upstream-unavailable" });
    expect(reset.requests()).toBe(3);
    const again = await failure(reset.url, { operation: { effect: "write" } });
    expect(again).toMatchObject({ code: "upstream-unavailable" });
    expect(reset.requests()).toBe(4);
  });

  it("nobody listening is upstream-unavailable, without the address in the text", async () => {
    const error = await failure("http://127.0.0.1:9/svc?snils=11223344595");
    expect(error).toMatchObject({ code: "upstream-unavailable", system: "registry" });
    expect(`${error?.message} ${error?.detail}`).not.toMatch(/127\.0\.0\.1|11223344595/);
  });

  it("an answer over the limit is refused while it streams", async () => {
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 0x20);
    const { url, requests } = await serve((_, reply) => {
      reply.writeHead(200, { "content-type": "application/xml" });
      const pump = () => {
        while (!reply.destroyed && sent < 200 * chunk.length) {
          sent += chunk.length;
          if (!reply.write(chunk)) return void reply.once("drain", pump);
        }
        reply.end();
      };
      pump();
    });
    expect(await failure(url, { operation: { maxBytes: 500_000 } })).toMatchObject({
      code: "upstream-too-large",
    });
    expect(requests()).toBe(1);
    expect(sent).toBeLessThan(200 * chunk.length);
  });

  it("an announced 2 MB answer and a 2 MB gzip bomb are refused", async () => {
    const big = Buffer.alloc(2_000_000, 0x20);
    const plain = await serve((_, reply) => reply.writeHead(200, { "content-type": "text/xml" }).end(big));
    expect(await failure(plain.url)).toMatchObject({ code: "upstream-too-large" });
    const bomb = await serve((_, reply) =>
      reply.writeHead(200, { "content-type": "text/xml", "content-encoding": "gzip" }).end(gzipSync(big)),
    );
    expect(await failure(bomb.url)).toMatchObject({ code: "upstream-too-large" });
    expect((await get(bomb.url, { operation: { maxBytes: 2_000_000 } })).value).toHaveLength(2_000_000);
  });

  it.each([
    [502, "upstream-unavailable"],
    [500, "upstream-unavailable"],
    [200, "upstream-malformed"],
  ])("an HTML page with HTTP %i is %s, after retries", async (status, code) => {
    const { url, requests } = await serve((_, reply) =>
      reply
        .writeHead(status, { "content-type": "text/html; charset=utf-8" })
        .end("<html><body>nginx</body></html>"),
    );
    expect(await failure(url)).toMatchObject({ code });
    expect(requests()).toBe(3);
  });

  it("an HTML page that says it is XML is still one", async () => {
    const { url } = await serve((_, reply) =>
      reply.writeHead(200, { "content-type": "text/xml" }).end("\n<!DOCTYPE html><html></html>"),
    );
    expect(await failure(url)).toMatchObject({ code: "upstream-malformed" });
  });

  const bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>';
  it.each([
    ["cut off", "<a><b>", "upstream-malformed"],
    ["with an entity bomb", bomb, "upstream-malformed"],
    ["100,000 deep", "<a>".repeat(100_000), "upstream-too-large"],
    ["with an unbound prefix", "<x:a/>", "upstream-malformed"],
  ])("XML %s is refused in bounded time, once", async (_, body, code) => {
    const { url, requests } = await serve((__, reply) =>
      reply.writeHead(200, { "content-type": "text/xml" }).end(body),
    );
    const startedAt = Date.now();
    const refused = await get(url, {}, (text) => readXml(text)).catch((error: GatewayError) => error);
    expect(refused).toMatchObject({ code, system: "registry" });
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    expect(requests()).toBe(1);
  });

  it("a redirect is not followed", async () => {
    const target = await serve((_, reply) => reply.end("<a/>"));
    const { url } = await serve((_, reply) => reply.writeHead(302, { location: target.url }).end());
    expect(await failure(url)).toMatchObject({ code: "upstream-malformed" });
    expect(target.requests()).toBe(0);
  });

  it.each([true, false])("X-Scenario goes out only to a sandbox (%s)", async (sandbox) => {
    const { url } = await serve((request, reply) =>
      reply.writeHead(200, { "content-type": "text/xml" }).end(String(request.headers["x-scenario"])),
    );
    const { value } = await get(url, { settings: { sandbox }, ctx: { scenario: "slow" } });
    expect(value).toBe(sandbox ? "slow" : "undefined");
  });
});

describe("over nock", () => {
  const origin = "http://registry.example";
  answerByNock();

  it("I-01 503, 503, 200 is an answer after three tries", async () => {
    const scope = nock(origin)
      .get("/svc")
      .reply(503)
      .get("/svc")
      .reply(503, "<busy/>", { "content-type": "text/xml" })
      .get("/svc")
      .reply(200, "<a/>", { "content-type": "text/xml" });
    expect((await get(`${origin}/svc`)).value).toBe("<a/>");
    expect(scope.isDone()).toBe(true);
  });

  it.each([
    [429, "upstream-rate-limited"],
    [503, "upstream-unavailable"],
  ])("Retry-After of HTTP %i is told on with %s", async (status, code) => {
    nock(origin).get("/svc").reply(status, "", { "retry-after": "120" });
    expect(await failure(`${origin}/svc`)).toMatchObject({ code, retryAfter: 120 });
  });

  it("I-01 a 4xx reaches the codec and is not sent again", async () => {
    const scope = nock(origin).get("/svc").once().reply(404, "<none/>", { "content-type": "text/xml" });
    expect((await get(`${origin}/svc`)).value).toBe("<none/>");
    expect(scope.isDone()).toBe(true);
  });
});
