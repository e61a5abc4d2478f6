import { isGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ClaimedMessage, Outbox } from "../store/outbox.ts";
import type { Job } from "./job-runner.ts";

/** Takes a message to its system; throws GatewayError, whose retry contract decides what happens next. */
export type Deliverer = (message: ClaimedMessage, signal: AbortSignal) => Promise<void>;

export interface OutboxWorkerParts {
  outbox: Outbox;
  /** by system */
  deliverers: ReadonlyMap<string, Deliverer>;
  log: Logger;
  everyMs?: number;
  /** messages that one run leases at a time */
  batch?: number;
}

/** Delivers due messages of the systems that have a deliverer; every replica may run it. */
export function outboxWorker(parts: OutboxWorkerParts): Job {
  const { outbox, deliverers, batch = 10 } = parts;
  const systems = [...deliverers.keys()];
  return {
    name: "outbox-worker",
    everyMs: parts.everyMs ?? 500,
    run: async (signal) => {
      while (!signal.aborted) {
        const messages = await outbox.claim(systems, batch);
        await Promise.all(messages.map((message) => deliver(parts, message, signal)));
        if (messages.length < batch) return;
      }
    },
  };
}

async function deliver(
  parts: OutboxWorkerParts,
  message: ClaimedMessage,
  signal: AbortSignal,
): Promise<void> {
  const { outbox, deliverers, log } = parts;
  try {
    const deliverer = deliverers.get(message.system);
    await deliverer?.(message, signal);
  } catch (error) {
    const { id, system, kind, attempt } = message;
    const code = isGatewayError(error) ? error.code : "internal";
    log.warn({ message: id, system, kind, attempt, code }, "an outbox message was not delivered");
    await settleFailure(outbox, message, error);
    return;
  }
  await outbox.delivered(message);
}

async function settleFailure(outbox: Outbox, message: ClaimedMessage, error: unknown): Promise<void> {
  if (!isGatewayError(error)) {
    await outbox.retryLater(message, "internal");
    return;
  }
  const isHopeless = error.row.retry === "never" || error.row.retry === "after-fix";
  if (isHopeless) await outbox.bury(message, error.code);
  else await outbox.retryLater(message, error.code, (error.retryAfter ?? 0) * 1_000);
}
