import type { Route } from "../src/plugins/route-table.ts";
import { labelOfRoute } from "../src/plugins/telemetry.ts";
import type { Canary } from "./canary-people.ts";

/** A request that names a person wherever it can. */
export interface RouteCall {
  path: string;
  init: RequestInit & { headers: Record<string, string> };
}

// fastify adds HEAD beside each GET
const isOwn = ({ method }: Route): boolean => method !== "HEAD" && method !== "OPTIONS";

/** Each route with the person's data in path, query, headers and body, in two spellings. */
export function callsOf(routes: readonly Route[], { person }: Canary): RouteCall[] {
  const { family, given, snils, phone, email } = person;
  const resource = {
    resourceType: "Patient",
    identifier: [{ system: "urn:oid:1.2.643.100.3", value: snils }],
    name: [{ family, given: [given] }],
    telecom: [{ value: phone }, { value: email }],
  };
  return routes.filter(isOwn).flatMap(({ method, url }): RouteCall[] => {
    const hasBody = method !== "GET" && method !== "DELETE";
    const isForm = url.endsWith("/_search") || url.startsWith("/auth/");
    const fields = isForm
      ? new URLSearchParams({ identifier: snils, name: family })
      : JSON.stringify(resource);
    const init = (type: string): RouteCall["init"] => ({
      method,
      redirect: "manual",
      headers: {
        "idempotency-key": `${method}-${snils}-${encodeURIComponent(url)}`.slice(0, 255),
        ...(hasBody && !isForm && { "content-type": type }),
      },
      ...(hasBody && { body: fields }),
    });
    return [
      { path: `${filled(url, snils)}?identifier=${snils}`, init: init("application/fhir+json") },
      { path: `${filled(url, family)}?name=${encodeURIComponent(family)}`, init: init("application/json") },
    ];
  });
}

// a parameter may carry its pattern in brackets
const parameter = /:([A-Za-z]\w*)(\([^)]*\))?|\*/g;

const filled = (url: string, value: string): string =>
  url.replace(parameter, (_all, name?: string) => (name === "type" ? "Patient" : encodeURIComponent(value)));

/** Routes that no request has reached, by what the metrics of requests say. */
export function unreached(routes: readonly Route[], metrics: string): string[] {
  const reached = new Set<string>();
  for (const [, labels = ""] of metrics.matchAll(/http_server_request_duration_seconds_count\{([^}]*)\}/g)) {
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1];
    reached.add(`${label("http_request_method")} ${label("http_route")}`);
  }
  return routes
    .filter(isOwn)
    .map(({ method, url }) => `${method} ${labelOfRoute(url)}`)
    .filter((name) => !reached.has(name));
}
