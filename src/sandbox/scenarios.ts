import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { SandboxSystem } from "../systems/sandbox-system.ts";

/** What the transport plays for every system; a system adds its own (decisions.md, scenarios). */
export const transportScenarios: Readonly<Record<string, string>> = {
  slow: "the true answer after 3 seconds",
  hang: "the connection stays open, no answer ever comes",
  reset: "the connection is reset (TCP RST)",
  "error-500": "500 with a plain text body",
  "unavailable-retry-after": "503 with Retry-After: 2",
  "rate-limit": "429 with Retry-After: 1",
  malformed: "the true answer, cut in the middle",
  "wrong-schema": "well-formed, but not the shape of the contract",
  "html-502": "502 with a proxy's HTML page",
  "clock-skew": "the true answer, the Date header is an hour behind",
};

const slowMs = 3_000;
const skewMs = 3_600_000;

export interface ScenarioOrder {
  system: string;
  scenario: string;
  times: number;
  /** beginning of the path below the system's address; any request when empty */
  at: string;
}

/** Scenarios ordered by `POST /_scenario`: each is played for the next `times` requests of its system at its path. */
export class ScenarioBook {
  readonly #orders: ScenarioOrder[] = [];

  order(order: ScenarioOrder): void {
    this.#orders.push({ ...order });
  }

  clear(): void {
    this.#orders.length = 0;
  }

  take(system: string, path: string): string | undefined {
    const index = this.#orders.findIndex((order) => order.system === system && path.startsWith(order.at));
    const order = this.#orders[index];
    if (!order) return undefined;
    order.times -= 1;
    if (order.times <= 0) this.#orders.splice(index, 1);
    return order.scenario;
  }
}

/** Every scenario that a system can be told to play: name -> what happens. */
export function scenariosOf(system: SandboxSystem): Readonly<Record<string, string>> {
  return { ...transportScenarios, ...system.scenarios };
}

/** Hooks that make the routes of one system misbehave when `X-Scenario` or the book asks for it. */
export function playScenarios(app: FastifyInstance, system: SandboxSystem, book: ScenarioBook, clock: Clock) {
  const known = scenariosOf(system);

  app.addHook("onRequest", async (request, reply) => {
    const header = request.headers["x-scenario"];
    const path = request.url.slice(app.prefix.length);
    const scenario = typeof header === "string" ? header : book.take(system.name, path);
    if (!scenario) return;
    if (!Object.hasOwn(known, scenario)) {
      return reply
        .code(400)
        .header("x-scenario", "unknown")
        .send({ error: `unknown scenario for ${system.name}`, known: Object.keys(known) });
    }
    request.scenario = scenario;
    return answerInstead(scenario, system, request, reply);
  });

  app.addHook("preHandler", async (request) => {
    if (request.scenario === "slow") await clock.sleep(slowMs);
  });

  app.addHook("onSend", async (request, reply, payload) => {
    if (request.scenario === "clock-skew") reply.header("date", new Date(clock.now() - skewMs).toUTCString());
    if (request.scenario !== "malformed" || typeof payload !== "string") return payload;
    return payload.slice(0, Math.floor(payload.length / 2));
  });
}

const proxyPage =
  "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

function answerInstead(
  scenario: string,
  system: SandboxSystem,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  switch (scenario) {
    case "hang":
      return reply.hijack();
    case "reset":
      reply.hijack();
      request.raw.socket.resetAndDestroy();
      return reply;
    case "error-500":
      return reply.code(500).type("text/plain; charset=utf-8").send("Internal Server Error");
    case "unavailable-retry-after":
      return reply.code(503).header("retry-after", "2").type("text/plain").send("Service Unavailable");
    case "rate-limit":
      return reply.code(429).header("retry-after", "1").type("text/plain").send("Too Many Requests");
    case "html-502":
      return reply.code(502).type("text/html; charset=utf-8").send(proxyPage);
    case "wrong-schema":
      return reply.type(system.wrongSchema.contentType).send(system.wrongSchema.body);
    default:
      return undefined;
  }
}
