import type { Clock } from "../core/clock.ts";

export interface Deadline {
  /** clock milliseconds */
  at: number;
  /** what the signal is aborted with */
  reason: () => Error;
}

/** Runs work with a signal that aborts at the deadline; throws the deadline's reason when it is past already. */
export async function withDeadline<T>(
  clock: Clock,
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const remaining = deadline.at - clock.now();
  if (remaining <= 0) throw deadline.reason();
  const expiry = new AbortController();
  const done = new AbortController();
  clock.sleep(remaining, done.signal).then(
    () => expiry.abort(deadline.reason()),
    () => {},
  );
  try {
    return await work(expiry.signal);
  } finally {
    done.abort();
  }
}

/** The promise, or the signal's reason as soon as it aborts; the work itself is left to end on its own. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
