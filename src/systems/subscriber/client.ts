import type { Bundle } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";

/** Where a client system hears of events: the endpoint and header lines of a Subscription's channel. */
export interface SubscriberAddress {
  endpoint: string;
  /** `Name: value` */
  headers: readonly string[];
}

export interface SubscriberClient {
  /** Posts a notification Bundle; throws `upstream-*` unless the subscriber answers 2xx. */
  notify(to: SubscriberAddress, notification: Bundle, ctx: RequestContext): Promise<void>;
}

/** Client of the rest-hook channel (FHIR R4 Subscription, Subscriptions R5 Backport 1.1). */
export function createSubscriberClient(upstream: Upstream, timeoutMs: number): SubscriberClient {
  const operation: Operation = {
    system: "subscriber",
    name: "notify",
    // the outbox repeats it; event numbers let the subscriber tell a repetition
    effect: "write",
    timeoutMs,
    cacheSeconds: 0,
    priority: "background",
  };
  return {
    notify: (to, notification, ctx) =>
      upstream
        .call(operation, to, { send: (attempt) => post(attempt, to, notification) }, ctx)
        .then(() => undefined),
  };
}

async function post(attempt: Attempt, to: SubscriberAddress, notification: Bundle): Promise<void> {
  const headers = new Headers({ "content-type": "application/fhir+json" });
  for (const line of to.headers) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const body = JSON.stringify(notification);
  const response = await attempt.fetch(to.endpoint, { method: "POST", headers, body });
  if (response.ok) return;
  const code = response.status >= 500 ? "upstream-unavailable" : "upstream-rejected";
  throw new GatewayError(code, { system: "subscriber", detail: `HTTP ${response.status}` });
}
