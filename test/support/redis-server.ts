import { Redis } from "ioredis";
import { ChildServer, freePort } from "./child-server.ts";

export interface TestRedis {
  url: string;
  server: ChildServer;
}

/** A Redis of its own on a free port, without persistence. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = new ChildServer({
    command: "redis-server",
    args: ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"],
    probe: () => ping(url),
  });
  await server.start();
  return { url, server };
}

async function ping(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}
