import { systemClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { JobRunner } from "../../src/jobs/job-runner.ts";
import { type Deliverer, outboxWorkers } from "../../src/jobs/outbox-worker.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Outbox } from "../../src/store/outbox.ts";

/** A replica to be killed: delivers what is due to a receiver over HTTP, again and again. */
const [url = "", receiver = "", name = ""] = process.argv.slice(2);
const { db } = await openDatabase({ url, dataDir: "unused" });
const keyring = createKeyring(new Uint8Array(32).fill(3));
const outbox = new Outbox({ db, keyring, clock: systemClock, leaseMs: 2_000, backoffMs: [10, 100] });

const deliver: Deliverer = async ({ deduplicationId, payload }, signal) => {
  const answer = await fetch(receiver, {
    method: "POST",
    signal,
    headers: { "content-type": "application/json", "message-id": deduplicationId, sender: name },
    body: JSON.stringify(payload),
  });
  if (!answer.ok) throw new GatewayError("upstream-unavailable");
};

const deliverers = new Map([["remd", deliver]]);
const jobs = outboxWorkers({
  outbox,
  deliverers,
  clock: systemClock,
  log: silentLogger,
  everyMs: 20,
  batch: 3,
});
new JobRunner({ db, clock: systemClock, log: silentLogger, jobs }).start();
process.stdout.write("ready\n");
