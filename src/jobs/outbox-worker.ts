import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { type GatewayError, isGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ClaimedMessage, Outbox } from "../store/outbox.ts";
import type { Job } from "./job-runner.ts";

/** Takes a message to its system; throws GatewayError, whose retry contract decides what happens next. */
export type Deliverer = (message: ClaimedMessage, signal: AbortSignal) => Promise<void>;

export interface OutboxObserver {
  attempt(system: string, outcome: "delivered" | "later" | "dead"): void;
  /** from the message's transaction to the receiver's word */
  delivered(system: string, seconds: number): void;
}

export interface OutboxWorkerParts {
  outbox: Outbox;
  /** by system */
  deliverers: ReadonlyMap<string, Deliverer>;
  clock: Clock;
  log: Logger;
  observer?: OutboxObserver;
  everyMs?: number;
  /** messages that one run leases at a time */
  batch?: number;
}

/** A job for each system, so that one that hangs holds up no other; every replica may run them. */
export function outboxWorkers(parts: OutboxWorkerParts): Job[] {
  return [...parts.deliverers].map(([system, deliverer]) => ({
    name: `outbox-worker ${system}`,
    everyMs: parts.everyMs ?? 500,
    run: (signal) => drain(parts, { system, deliverer, signal }),
  }));
}

interface Route {
  system: string;
  deliverer: Deliverer;
  signal: AbortSignal;
}

async function drain(parts: OutboxWorkerParts, route: Route): Promise<void> {
  const { outbox, batch = 10 } = parts;
  while (!route.signal.aborted) {
    const messages = await outbox.claim(route.system, batch);
    const outcomes = await Promise.all(messages.map((message) => deliver(parts, route, message)));
    // a system that took none of a batch is not asked with the next one before the job's pause
    if (messages.length < batch || outcomes.every((outcome) => outcome === "later")) return;
  }
}

async function deliver(
  parts: OutboxWorkerParts,
  { deliverer, signal }: Route,
  message: ClaimedMessage,
): Promise<"delivered" | "later" | "dead"> {
  const { outbox, log, observer, clock } = parts;
  const { id, system, kind, attempt } = message;
  try {
    await deliverer(message, signal);
  } catch (error) {
    const code = isGatewayError(error) ? error.code : "internal";
    log.warn({ outbox_id: id, system, kind, attempt, code }, "an outbox message was not delivered");
    const outcome = await settleFailure(outbox, message, isGatewayError(error) ? error : undefined);
    observer?.attempt(system, outcome);
    return outcome;
  }
  await outbox.delivered(message);
  observer?.attempt(system, "delivered");
  observer?.delivered(system, (clock.now() - message.createdAt) / 1_000);
  return "delivered";
}

/** What nobody foresaw may pass: it is tried again like a fault that the table calls retryable. */
async function settleFailure(
  outbox: Outbox,
  message: ClaimedMessage,
  error: GatewayError | undefined,
): Promise<"later" | "dead"> {
  const code: ErrorCode = error?.code ?? "internal";
  const isLast = error?.retry.retryable === false || outbox.isLastAttempt(message);
  if (isLast) await outbox.bury(message, code);
  else await outbox.retryLater(message, code, (error?.retryAfter ?? 0) * 1_000);
  return isLast ? "dead" : "later";
}
