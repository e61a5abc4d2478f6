import type { Instruments } from "./instruments.ts";
import { declareLabel } from "./labels.ts";

const states = ["ready", "delayed", "dead"] as const;

/** Counts outgoing messages; fits the observer port of the outbox's workers and of its watch. */
export function outboxMetrics(instruments: Instruments) {
  return {
    attempt(system: string, outcome: "delivered" | "later" | "dead") {
      instruments.outboxAttempts.of({ system: declareLabel(system), outcome }).value++;
    },
    delivered(system: string, seconds: number) {
      instruments.outboxSeconds.of({ system: declareLabel(system) }).observe(seconds);
    },
    depth(depth: Record<(typeof states)[number], number> & { system: string; oldestMs: number }) {
      const system = declareLabel(depth.system);
      for (const state of states) instruments.outboxMessages.of({ system, state }).value = depth[state];
      instruments.outboxAge.of({ system }).value = depth.oldestMs / 1_000;
    },
  };
}
