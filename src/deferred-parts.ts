import type { DeferredDoor } from "./api/fhir/deferred.ts";
import { carryingOut, type DeferredRun } from "./api/fhir/deferred-run.ts";
import type { Config } from "./config.ts";
import { confirmWorker } from "./flows/acting-worker.ts";
import { deferredRequestWorkers } from "./jobs/deferred-requests.ts";
import { JobRunner } from "./jobs/job-runner.ts";
import type { Parts } from "./parts.ts";
import type { Surroundings } from "./surroundings.ts";

/** Starts what carries deferred requests out; the caller stops it. */
export function startDeferred(
  parts: Parts,
  { around, app, tokens }: { around: Surroundings } & Pick<DeferredRun, "app" | "tokens">,
): JobRunner {
  const { clients, practitioners, deferredRequests: requests } = parts;
  const { clock, log } = around;
  const carryOut = carryingOut({
    ...{ app, tokens, clients, clock, log },
    confirmHuman: (human, ctx) => confirmWorker(practitioners, human, ctx),
  });
  const jobs = new JobRunner({
    db: parts.store.db,
    clock,
    log,
    jobs: deferredRequestWorkers({ requests, carryOut, clock }),
  });
  jobs.start();
  return jobs;
}

/** The door to them; absent when the settings allow none. */
export const deferredDoor = (
  config: Config,
  parts: Parts,
  { clock }: Surroundings,
): DeferredDoor | undefined =>
  config.FHIR_ASYNC_REQUESTS > 0
    ? {
        requests: parts.deferredRequests,
        db: parts.store.db,
        clock,
        runMs: config.FHIR_ASYNC_RUN_SECONDS * 1_000,
      }
    : undefined;
