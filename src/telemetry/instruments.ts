import { errorTable } from "../core/error-table.ts";
import { httpMethods, statusLabels } from "./labels.ts";
import type { Metrics } from "./metrics.ts";

const rejectReasons = ["rate", "body", "auth", "csrf", "load", "schema"] as const;
export type RejectReason = (typeof rejectReasons)[number];
export type ServiceLevel = "read" | "write" | "none";

const errorCodes = Object.keys(errorTable);
// SOAP registries answer slowly: the usual bounds and three more
const upstreamBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];

/** Metrics of the doors; every label set is closed or declared in code (telemetry.md 1). */
function doorInstruments(metrics: Metrics) {
  return {
    requestSeconds: metrics.histogram({
      name: "http_server_request_duration_seconds",
      help: "time from a request's head to its answer",
      alert: "share of `5xx` above 1 % for 5 minutes; 99th percentile of `slo=read` above its goal",
      labels: {
        http_request_method: httpMethods,
        http_route: "declared",
        http_response_status_code: statusLabels,
        slo: ["read", "write", "none"],
      },
      ceiling: 3_000,
    }),
    activeRequests: metrics.gauge({ name: "http_server_active_requests", help: "requests being answered" }),
    rejected: metrics.counter({
      name: "http_server_rejected_total",
      help: "requests refused before their work began",
      alert:
        "rate of `load` above 0 for 5 minutes: add replicas; rate of `csrf` above 0: a foreign page tries the cabinet",
      labels: { reason: rejectReasons },
    }),
    errors: metrics.counter({
      name: "http_server_errors_total",
      help: "requests answered with an error, by its code (docs/errors.md)",
      labels: { code: errorCodes },
      alert:
        "rate of `internal` above 0; rate of `unauthorized`, `invalid-assertion` and `token-expired` far above its usual",
    }),
    ratesAlone: metrics.counter({
      name: "rate_limit_alone_total",
      help: "times that Redis did not take counted requests: each replica then counts a client's rate alone",
      alert: "rate above 0 for 5 minutes",
    }),
  };
}

/** Metrics of calls to external systems. */
function upstreamInstruments(metrics: Metrics) {
  return {
    operationSeconds: metrics.histogram({
      name: "upstream_operation_duration_seconds",
      help: "time of one operation of an external system, retries included",
      alert: "share of outcomes other than `ok` above 5 % for 10 minutes, by system",
      labels: {
        system: "declared",
        operation: "declared",
        outcome: ["ok", "fault", "timeout", "transport", "refused"],
      },
      ceiling: 800,
      bounds: upstreamBounds,
    }),
    attempts: metrics.counter({
      name: "upstream_attempts_total",
      help: "attempts to reach an external system",
      labels: { system: "declared", kind: ["first", "retry"] },
      ceiling: 60,
    }),
    faults: metrics.counter({
      name: "upstream_fault_total",
      help: "faults by our normalised code",
      alert:
        "rate of `unmapped-code`, `mapping-failed` or `upstream-wrong-shape` above 0: a contract changed",
      labels: { system: "declared", code: errorCodes },
      ceiling: 800,
    }),
  };
}

/** Metrics of what the security service must look at. */
function incidentInstruments(metrics: Metrics) {
  return {
    alteredRecords: metrics.counter({
      name: "altered_records_total",
      help: "times that a stored record was found changed past the gateway and was not shown",
      alert: "rate above 0: the log names the records, docs/security.md what to do",
    }),
    compromisedSessions: metrics.counter({
      name: "compromised_sessions_total",
      help: "people all of whose sessions were ended because one was used from a foreign device or replayed",
      alert: "rate above 0",
    }),
  };
}

/** Metrics of the breakers. */
function breakerInstruments(metrics: Metrics) {
  return {
    breakerState: metrics.gauge({
      name: "breaker_state",
      help: "0 closed, 1 half-open, 2 open",
      alert: "2 for 5 minutes: the system is down for us",
      labels: { system: "declared" },
      ceiling: 20,
    }),
    breakerTransitions: metrics.counter({
      name: "breaker_transitions_total",
      help: "changes of a breaker's state",
      labels: { system: "declared", to: ["closed", "half-open", "open"] },
      ceiling: 60,
    }),
    breakerRefused: metrics.counter({
      name: "breaker_refused_total",
      help: "calls that an open breaker refused",
      labels: { system: "declared" },
      ceiling: 20,
    }),
  };
}

/** Metrics of how much we may ask of an external system, and do. */
function quotaInstruments(metrics: Metrics) {
  return {
    inFlight: metrics.gauge({
      name: "upstream_inflight",
      help: "calls to an external system that are under way or wait for its quota",
      labels: { system: "declared" },
      ceiling: 20,
    }),
    quotaLimit: metrics.gauge({
      name: "quota_limit",
      help: "most calls that the quota of this replica lets go at once; no series without a quota",
      labels: { system: "declared" },
      ceiling: 20,
    }),
    quotaRemaining: metrics.gauge({
      name: "quota_remaining",
      help: "calls left in the current quota window",
      labels: { system: "declared" },
      ceiling: 20,
    }),
    quotaRefused: metrics.counter({
      name: "quota_refused_total",
      help: "calls that our quota refused",
      alert: "rate above 0 for 10 minutes: ask for a larger quota or cache longer",
      labels: { system: "declared" },
      ceiling: 20,
    }),
  };
}

/** Metrics of what is on its way to other systems. */
function outboxInstruments(metrics: Metrics) {
  return {
    outboxMessages: metrics.gauge({
      name: "outbox_messages",
      help: "messages that wait or are put aside; each replica samples the whole table, so take the greatest",
      alert: "`dead` above 0: an operator must look (`npm run outbox`)",
      labels: { system: "declared", state: ["ready", "delayed", "dead"] },
      ceiling: 60,
    }),
    outboxAge: metrics.gauge({
      name: "outbox_oldest_age_seconds",
      help: "age of the oldest message that is not delivered yet",
      alert: "above 900",
      labels: { system: "declared" },
      ceiling: 20,
    }),
    outboxAttempts: metrics.counter({
      name: "outbox_attempts_total",
      help: "attempts to deliver a message",
      labels: { system: "declared", outcome: ["delivered", "later", "dead"] },
      ceiling: 60,
    }),
    outboxSeconds: metrics.histogram({
      name: "outbox_delivery_seconds",
      help: "time from a message's transaction to the receiver's word",
      labels: { system: "declared" },
      ceiling: 20,
      bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400],
    }),
  };
}

/** Metrics of the record and of the copies of others' records. */
function storeInstruments(metrics: Metrics) {
  return {
    journalSeconds: metrics.histogram({
      name: "journal_append_seconds",
      help: "time until a journal row is committed, or written in the transaction of its change",
      alert: "99th percentile above 0.25: the database is slow, and every answer waits for it",
    }),
    journalSealed: metrics.gauge({
      name: "journal_sealed_timestamp_seconds",
      help: "end of the last run that linked committed journal rows. Only one replica seals: take the greatest",
      alert: "`time() - max(...)` above 60: rows are written, but not linked into the chain",
    }),
    redisUp: metrics.observed("gauge", {
      name: "redis_up",
      help: "1 when Redis answers; no series without REDIS_URL",
      alert: "0 for a minute: each replica caches and counts rates alone",
    }),
    registryCopied: metrics.gauge({
      name: "registry_copied_timestamp_seconds",
      help: "beginning of the last run that brought the copy of a registry up to date. Take the greatest of the replicas",
      labels: { registry: "declared" },
      ceiling: 12,
      alert: "`time() - max by (registry)(...)` above 2 days: searches by name answer from old records",
    }),
    dictionarySync: metrics.gauge({
      name: "dictionary_sync_timestamp_seconds",
      help: "end of the last run that asked for newer dictionaries, by its outcome",
      alert: "`time() - max(...{outcome=ok})` above 2 days",
      labels: { outcome: ["ok", "failed"] },
      ceiling: 2,
    }),
  };
}

/** Metrics of the cache in front of external systems. */
function cacheInstruments(metrics: Metrics) {
  return {
    cacheRequests: metrics.counter({
      name: "cache_requests_total",
      help: "questions to the cache; bypass: nobody could say what is current, so nothing was read or kept",
      labels: { cache: "declared", result: ["hit", "miss", "bypass"] },
      ceiling: 100,
    }),
    cacheInvalidations: metrics.counter({
      name: "cache_invalidations_total",
      help: "generations that were bumped",
    }),
  };
}

/** Metrics of the certificates with which workers sign. */
function certificateInstruments(metrics: Metrics) {
  return {
    daysToExpiry: metrics.gauge({
      name: "signing_certificate_days_to_expiry",
      help: "days until the first certificate of a worker that is in use ends. Take the least of the replicas",
      alert: "below 3",
      labels: {},
    }),
    signingCertificates: metrics.gauge({
      name: "signing_certificates_ending",
      help: "workers' certificates in use that end within so many days; 0: have ended. Take the greatest of the replicas",
      labels: { days: ["30", "14", "7", "3", "1", "0"] },
    }),
  };
}

/** Metrics of the telemetry itself. */
function watcherInstruments(metrics: Metrics) {
  return {
    telemetryDropped: metrics.counter({
      name: "telemetry_dropped_total",
      help: "spans dropped: the queue was full or the collector refused",
      alert: "rate above 0 for 10 minutes: the collector is away or too slow",
      labels: { signal: ["span"] },
    }),
    spansExported: metrics.counter({
      name: "telemetry_spans_exported_total",
      help: "spans the collector took",
    }),
    tracesKept: metrics.counter({
      name: "telemetry_traces_kept_total",
      help: "requests whose trace was kept, by the first reason that held",
      labels: { reason: ["error", "fault", "slow", "asked", "sample"] },
    }),
  };
}

export type Instruments = ReturnType<typeof createInstruments>;

/** Every metric of the product that something records. */
export function createInstruments(metrics: Metrics) {
  return {
    ...doorInstruments(metrics),
    ...storeInstruments(metrics),
    ...cacheInstruments(metrics),
    ...certificateInstruments(metrics),
    ...watcherInstruments(metrics),
    ...upstreamInstruments(metrics),
    ...incidentInstruments(metrics),
    ...breakerInstruments(metrics),
    ...quotaInstruments(metrics),
    ...outboxInstruments(metrics),
  };
}
