import { Redis } from "ioredis";
import type { Logger } from "../core/logger.ts";

interface RedisOptions {
  url: string;
  log: Logger;
  /** a command that takes longer marks Redis as down until the next heartbeat gets through */
  commandTimeoutMs?: number;
}

/**
 * Two connections to Redis, for commands and for events. Nothing queues while Redis is away: a command fails at
 * once, so that a dead Redis costs milliseconds; reconnecting goes on for ever, at most a second apart.
 */
export class RedisLink {
  readonly #commands: Redis;
  readonly #events: Redis;
  #hung = false;
  #lost = false;

  constructor({ url, log, commandTimeoutMs = 300 }: RedisOptions) {
    const common = {
      lazyConnect: true,
      connectTimeout: 1_000,
      retryStrategy: (times: number) =>
        Math.min(50 * 2 ** Math.min(times, 10), 1_000) * (0.5 + Math.random() / 2),
    };
    this.#commands = new Redis(url, {
      ...common,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: commandTimeoutMs,
    });
    // the subscription must survive any outage
    this.#events = new Redis(url, { ...common, maxRetriesPerRequest: null });
    for (const redis of [this.#commands, this.#events]) {
      // an error event without a listener would end the process; the message may name the address, not data
      redis.on("error", (error: Error) => log.debug({ error: error.message }, "redis connection error"));
    }
    this.#commands.on("ready", () => {
      this.#lost = false;
      log.info({}, "redis is connected");
    });
    this.#commands.on("close", () => {
      // once an outage, not once a try
      if (!this.#lost) log.warn({}, "redis is not connected");
      this.#lost = true;
    });
  }

  /** Connects; resolves when ready or after about a second, whichever is first. */
  async open(): Promise<void> {
    await Promise.all([this.#commands, this.#events].map((redis) => redis.connect().catch(() => {})));
  }

  /** For health: does Redis answer? */
  get up(): boolean {
    return this.#commands.status === "ready" && !this.#hung;
  }

  /** Runs a command if Redis is up; undefined when it is not or the command fails. */
  async attempt<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    return this.up ? this.probe(command) : undefined;
  }

  /** Like `attempt`, also while Redis is thought to hang; its success ends that state. */
  async probe<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (this.#commands.status !== "ready") return undefined;
    try {
      const reply = await command(this.#commands);
      this.#hung = false;
      return reply;
    } catch {
      this.#hung = true;
      return undefined;
    }
  }

  onReady(listener: () => void): void {
    this.#commands.on("ready", listener);
  }

  /** Subscribes now, or as soon as Redis answers, and again after each reconnection. */
  subscribe(channel: string, listener: (message: string) => void): void {
    this.#events.on("message", (from: string, message: string) => {
      if (from === channel) listener(message);
    });
    void this.#events.subscribe(channel).catch(() => {});
  }

  close(): void {
    this.#commands.disconnect();
    this.#events.disconnect();
  }
}
