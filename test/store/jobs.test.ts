import { expect, it, vi } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import type { Logger } from "../../src/core/logger.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { type Job, JobRunner } from "../../src/jobs/job-runner.ts";
import { journalSealer } from "../../src/jobs/journal-sealer.ts";
import { Journal } from "../../src/store/journal.ts";
import { readHead } from "../../src/store/journal-seal.ts";
import { redactFields } from "../../src/telemetry/redaction.ts";
import { onBothEngines } from "./engines.ts";
import { rowOf } from "./journal-rows.ts";

onBothEngines((store) => {
  const runnerOf = (clock: ManualClock, jobs: Job[], log: Logger = silentLogger) =>
    new JobRunner({ db: store().db, clock, log, jobs });
  /** All loops have finished their run and sleep. */
  const asleep = (clock: ManualClock, loops: number) => vi.waitFor(() => expect(clock.sleeping).toBe(loops));

  it("runs a job at its interval, one run at a time, and goes on after a failure", async () => {
    const clock = new ManualClock();
    const errors: object[] = [];
    let runs = 0;
    const job: Job = {
      name: "counting",
      everyMs: 100,
      run: async () => {
        runs++;
        if (runs === 2) throw new Error("once");
      },
    };
    const runner = runnerOf(clock, [job], {
      ...silentLogger,
      error: (fields) => errors.push(redactFields(fields)),
    });
    runner.start();
    for (let expected = 1; expected <= 3; expected++) {
      await asleep(clock, 1);
      expect(runs).toBe(expected);
      await clock.advance(100);
    }
    await runner.stop(1_000);
    expect(errors).toEqual([{ job: "counting", reason: "Error: once" }]);
    const runsAtStop = runs;
    await clock.advance(1_000);
    expect(runs).toBe(runsAtStop);
  });

  it("a job that begins late runs first after its wait, and never once stopped within it", async () => {
    const clock = new ManualClock();
    let runs = 0;
    const job: Job = { name: "late", everyMs: 100, firstAfterMs: 1_000, run: async () => void runs++ };
    const runner = runnerOf(clock, [job]);
    runner.start();
    await asleep(clock, 1);
    await clock.advance(999);
    expect(runs).toBe(0);
    await clock.advance(1);
    await vi.waitFor(() => expect(runs).toBe(1));
    await runner.stop(1_000);
    const stopped = runnerOf(clock, [job]);
    stopped.start();
    await stopped.stop(1_000);
    await clock.advance(2_000);
    expect(runs).toBe(1);
  });

  it("stop waits for a run that has begun, tells it to hurry, and gives up after the drain time", async () => {
    const clock = new ManualClock();
    let begun = 0;
    let finish = () => {};
    let sawAbort = false;
    const job: Job = {
      name: "long",
      everyMs: 100,
      run: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            sawAbort = true;
          });
          finish = resolve;
          begun++;
        }),
    };
    const polite = runnerOf(clock, [job]);
    polite.start();
    await vi.waitFor(() => expect(begun).toBe(1));
    const stopped = polite.stop(1_000);
    expect(sawAbort).toBe(true);
    finish();
    await stopped;

    const warnings: string[] = [];
    const stubborn = runnerOf(clock, [job], { ...silentLogger, warn: (_, text) => warnings.push(text) });
    stubborn.start();
    await vi.waitFor(() => expect(begun).toBe(2));
    const late = stubborn.stop(1_000);
    await clock.advance(1_000);
    await late;
    expect(warnings).toEqual(["jobs did not stop in time"]);
  });

  it("runs a leader's job on one replica, and on another when the leader stops or its lease runs out", async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const replica = (name: string) =>
      runnerOf(clock, [
        {
          name: "led",
          everyMs: 100,
          leaderLeaseMs: 1_000,
          run: async () => {
            ran.push(name);
          },
        },
      ]);
    const first = replica("first");
    first.start();
    await asleep(clock, 1);
    const second = replica("second");
    second.start();
    await asleep(clock, 2);
    await clock.advance(100);
    await asleep(clock, 2);
    expect(ran).toEqual(["first", "first"]);

    await first.stop(1_000);
    await clock.advance(100);
    await asleep(clock, 1);
    expect(ran.at(-1)).toBe("second");

    // a killed leader gives nothing back
    await store()
      .db.updateTable("job_lease")
      .set({ holder: "killed", expires_at: clock.now() + 1_000 })
      .execute();
    const runs = ran.length;
    await clock.advance(100);
    await asleep(clock, 1);
    expect(ran).toHaveLength(runs);
    await clock.advance(900);
    await asleep(clock, 1);
    await clock.advance(100);
    await asleep(clock, 1);
    expect(ran).toHaveLength(runs + 1);
    await second.stop(1_000);
  });

  it("the sealer links a committed row within a second", async () => {
    const clock = new ManualClock();
    const keyring = createKeyring(new Uint8Array(32).fill(5));
    const runner = runnerOf(clock, [journalSealer({ db: store().db, keyring, clock })]);
    runner.start();
    await asleep(clock, 1);
    const sealed = (await readHead(store().db)).rows;
    await new Journal({ pool: store().pool, keyring }).append(rowOf(1));
    await clock.advance(500);
    await asleep(clock, 1);
    expect((await readHead(store().db)).rows).toBe(sealed + 1);
    await runner.stop(1_000);
  });
});
