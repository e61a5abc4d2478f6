import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { isGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { releaseLeases, takeLease } from "../store/job-lease.ts";
import type { Schema } from "../store/schema.ts";

/** Periodic background work. It may be cut off at any point, so each run must be safe to repeat. */
export interface Job {
  name: string;
  everyMs: number;
  /** before the first run, when a start has enough to do; absent: at once */
  firstAfterMs?: number;
  /** present: only the replica that holds the lease runs it; must outlast a run */
  leaderLeaseMs?: number;
  /** `signal` is aborted when the process stops */
  run(signal: AbortSignal): Promise<void>;
}

export interface JobRunnerParts {
  db: Kysely<Schema>;
  clock: Clock;
  log: Logger;
  jobs: readonly Job[];
}

/** Runs each job one at a time, again and again, until stopped; a failed run is logged and tried again in time. */
export class JobRunner {
  readonly #parts: JobRunnerParts;
  readonly #holder = randomUUID();
  readonly #stopping = new AbortController();
  #loops: Promise<void>[] = [];
  #stopped: Promise<void> | undefined;

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
  }

  start(): void {
    // every job waits on it: ten listeners are no leak here
    setMaxListeners(0, this.#stopping.signal);
    this.#loops = this.#parts.jobs.map((job) => this.#loop(job));
  }

  /** Ends all loops, waits at most `drainMs` for runs that have begun, and gives the leases back. */
  stop(drainMs: number): Promise<void> {
    this.#stopped ??= this.#stop(drainMs);
    return this.#stopped;
  }

  async #stop(drainMs: number): Promise<void> {
    const { db, clock, log } = this.#parts;
    this.#stopping.abort();
    const gaveUp = new AbortController();
    const finished = Promise.all(this.#loops).then(() => true);
    const late = clock.sleep(drainMs, gaveUp.signal).then(
      () => false,
      () => false,
    );
    if (!(await Promise.race([finished, late]))) log.warn({ ms: drainMs }, "jobs did not stop in time");
    gaveUp.abort();
    await releaseLeases(db, this.#holder).catch((error) => this.#report("release of leases", error));
  }

  async #loop(job: Job): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stopping;
    // an aborted sleep ends the loop
    const wait = (ms: number) => clock.sleep(ms, signal).catch(() => {});
    if (job.firstAfterMs !== undefined) await wait(job.firstAfterMs);
    while (!signal.aborted) {
      try {
        if ((await this.#isOurs(job)) && !signal.aborted) await job.run(signal);
      } catch (error) {
        if (!signal.aborted) this.#report(job.name, error);
      }
      await wait(job.everyMs);
    }
  }

  async #isOurs({ name, leaderLeaseMs }: Job): Promise<boolean> {
    if (leaderLeaseMs === undefined) return true;
    const { db, clock } = this.#parts;
    return takeLease(db, { job: name, holder: this.#holder, now: clock.now(), leaseMs: leaderLeaseMs });
  }

  #report(job: string, error: unknown): void {
    // not the error itself: a database's details may quote a row
    const reason = isGatewayError(error) ? error.code : String(error);
    this.#parts.log.error({ job, reason }, "a background job failed");
  }
}
