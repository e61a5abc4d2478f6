import type { FactsOf } from "./access/access-facts.ts";
import type { Config } from "./config.ts";
import type { Providers } from "./fhir/provider.ts";
import type { Repository } from "./fhir/repository.ts";
import { NotificationDelivery } from "./flows/subscriptions/delivery.ts";
import { judgeEvent } from "./flows/subscriptions/judgement.ts";
import { eventToJudge, queue, subscriberSystem } from "./flows/subscriptions/watch.ts";
import { JobRunner } from "./jobs/job-runner.ts";
import { type Deliverer, outboxWorkers } from "./jobs/outbox-worker.ts";
import { subscriptionClock } from "./jobs/subscription-clock.ts";
import type { Parts } from "./parts.ts";
import type { Surroundings } from "./surroundings.ts";
import { createSubscriberClient } from "./systems/subscriber/client.ts";
import { outboxMetrics } from "./telemetry/outbox-metrics.ts";

interface Ground {
  repository: Repository;
  providers: Providers;
  factsOf: FactsOf;
}

/** Starts what tells subscribers of events; the caller stops it. */
export function startSubscriptions(
  config: Config,
  parts: Parts,
  { around, repository, providers, factsOf }: Ground & { around: Surroundings },
): JobRunner {
  const { clock, log, telemetry } = around;
  const { outbox, journal, clients } = parts;
  const { db } = parts.store;
  const delivery = new NotificationDelivery({
    db,
    repository,
    client: createSubscriberClient(parts.upstream, config.UPSTREAM_TIMEOUT_MS),
    clock,
    log,
    baseUrl: providers.baseUrl,
    outbox,
  });
  const deliverer: Deliverer = (message) =>
    message.kind === eventToJudge
      ? judgeEvent({ db, outbox, journal, clients, factsOf, clock, log }, message)
      : delivery.deliver(message);
  const deliverers = new Map([[subscriberSystem, deliverer]]);
  const observer = outboxMetrics(telemetry.instruments);
  const jobs = new JobRunner({
    db,
    clock,
    log,
    jobs: [
      ...outboxWorkers({ outbox, deliverers, clock, log, observer }),
      subscriptionClock({
        db,
        clock,
        // of one silence one heartbeat, whichever replica sees it
        beat: ({ sentAt, ...key }) =>
          queue(outbox, db, key, { kind: "heartbeat", once: `heartbeat ${sentAt}` }),
        turnOff: (key) => delivery.turnOff(key),
      }),
    ],
  });
  jobs.start();
  return jobs;
}
