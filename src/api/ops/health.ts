import type { FastifyInstance } from "fastify";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";

/** What a person or a balancer may know about one external system (I-10: no secrets). */
export interface UpstreamState {
  system: string;
  state: "ok" | "degraded" | "unavailable" | "unknown";
  sandbox: boolean;
}

export interface HealthSettings {
  clock: Clock;
  version: string;
  /** rejects when our own store does not answer */
  ping: () => Promise<void>;
  draining: () => boolean;
  /** shared cache: absent when none is configured */
  cache: () => "up" | "down" | "absent";
  upstreams: () => readonly UpstreamState[];
}

const pingLimitMs = 2_000;

/**
 * `/health/live`: the process answers. `/health/ready`: 200 when our own store answers and we are not leaving;
 * external systems are only told about, else one dead system would empty the cluster (decisions.md).
 */
export function registerHealth(app: FastifyInstance, settings: HealthSettings): void {
  const open = { config: { rateLimit: false as const } };
  app.get("/health/live", open, async () => ({ status: "alive", version: settings.version }));
  app.get("/health/ready", open, async (_request, reply) => {
    const store = await storeState(settings);
    const status = settings.draining() ? "draining" : store === "up" ? "ready" : "store-unavailable";
    return reply.code(status === "ready" ? 200 : 503).send({
      status,
      version: settings.version,
      store,
      cache: settings.cache(),
      upstreams: settings.upstreams(),
    });
  });
}

async function storeState({ ping, clock }: HealthSettings): Promise<"up" | "down"> {
  const limit = new AbortController();
  const late = clock.sleep(pingLimitMs, limit.signal).then(() => {
    throw new GatewayError("store-unavailable");
  });
  late.catch(() => {});
  return Promise.race([ping(), late])
    .then(
      () => "up" as const,
      () => "down" as const,
    )
    .finally(() => limit.abort());
}
