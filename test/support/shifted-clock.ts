import { type Clock, systemClock } from "../../src/core/clock.ts";

/** Real time with a shift: sockets and time-outs work as ever, and a test may jump ahead. */
export class ShiftedClock implements Clock {
  shiftMs = 0;

  now(): number {
    return systemClock.now() + this.shiftMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}
