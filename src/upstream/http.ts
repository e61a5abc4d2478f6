import { Agent } from "undici";
import type { Clock } from "../core/clock.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { Channel } from "./channel.ts";
import { readLimited } from "./limited-body.ts";
import { retryAfterSeconds } from "./retry-after.ts";
import { WireFailure } from "./wire-failure.ts";

/** Sends one request and resolves to a Response whose whole body is in memory already. */
export type WireFetch = (url: string, init?: RequestInit) => Promise<Response>;

interface WireTerms {
  agent: Agent;
  clock: Clock;
  signal: AbortSignal;
  /** of the decompressed body */
  maxBytes: number;
  /** bearer token of the system's channel, for requests that bring none of their own */
  token?: () => Promise<string>;
  /** sandbox scenario; undefined for a live system */
  scenario?: string;
  /** told each body that a codec gets to see */
  onBody?: (body: Uint8Array) => void;
}

/**
 * Connections to all systems, or to the one of a channel; the time-outs here are the outer bound, an operation's own
 * deadline is shorter.
 */
export function createAgent(channel: Omit<Channel, "token"> = {}): Agent {
  const { certificate: cert, key, authorities: ca, minVersion = "TLSv1.3" } = channel;
  return new Agent({
    connect: { timeout: 3_000, cert, key, ca, minVersion },
    headersTimeout: 60_000,
    bodyTimeout: 30_000,
    connections: 64,
    maxHeaderSize: 32_768,
  });
}

/**
 * Binds fetch to the terms of one attempt. Throws WireFailure for what no codec should see: transport faults,
 * 429, 502, 503, 504, redirects, HTML, a body over the limit, and a 5xx that does not speak XML or JSON; GatewayError
 * `bad-request` when the caller asked for a scenario that the sandbox does not have.
 */
export function createWireFetch(terms: WireTerms): WireFetch {
  return async (url, init = {}) => {
    try {
      const response = await send(url, init, terms);
      await refuseStatus(response, terms);
      const body = await readLimited(response, terms.maxBytes);
      refuseContent(response, body);
      terms.onBody?.(body);
      return rebuilt(response, body);
    } catch (error) {
      if (isGatewayError(error)) throw error;
      throw wireFailureOf(error, terms.signal);
    }
  };
}

async function send(
  url: string,
  init: RequestInit,
  { agent, signal, token, scenario }: WireTerms,
): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token && !headers.has("authorization")) headers.set("authorization", `Bearer ${await token()}`);
  if (scenario) headers.set("x-scenario", scenario);
  // global fetch: the one that nock sees; its types know only the bundled undici
  const terms = { headers, signal, redirect: "manual", dispatcher: agent as unknown } as RequestInit;
  return fetch(url, { ...init, ...terms });
}

// the caller's own mistake, not the system's
function unknownScenario({ headers }: Response): GatewayError | undefined {
  if (headers.get("x-scenario") !== "unknown") return undefined;
  return new GatewayError("bad-request", {
    field: "headers/x-scenario",
    detail: "the sandbox has no such scenario",
  });
}

async function refuseStatus(response: Response, { clock, scenario }: WireTerms): Promise<void> {
  const failure = (scenario && unknownScenario(response)) || statusFailure(response, clock);
  if (!failure) return;
  await response.body?.cancel().catch(() => {});
  throw failure;
}

function statusFailure(response: Response, clock: Clock): WireFailure | undefined {
  const { status } = response;
  const retryAfter = retryAfterSeconds(response.headers.get("retry-after"), clock.now());
  if (status === 429) return new WireFailure("rate-limited", "HTTP 429", { status, retryAfter });
  if ([502, 503, 504].includes(status))
    return new WireFailure("busy", `HTTP ${status}`, { status, retryAfter });
  if (status >= 300 && status < 400 && status !== 304)
    return new WireFailure("redirect", `HTTP ${status}: redirects are not followed`, { status });
  return undefined;
}

function refuseContent(response: Response, body: Uint8Array<ArrayBuffer>): void {
  const { status } = response;
  const type = response.headers.get("content-type") ?? "";
  if (/^(text\/html|application\/xhtml)/i.test(type) || looksLikeHtml(body))
    throw new WireFailure("html", `an HTML page with HTTP ${status}`, { status });
  if (status >= 500 && !/xml|json/i.test(type))
    throw new WireFailure("server-error", `HTTP ${status}`, { status });
}

function looksLikeHtml(body: Uint8Array): boolean {
  return /^\s*(<!doctype html|<html[\s>])/i.test(Buffer.from(body.subarray(0, 256)).toString("latin1"));
}

function rebuilt(response: Response, body: Uint8Array<ArrayBuffer>): Response {
  const headers = new Headers(response.headers);
  // they describe the bytes on the wire, not these
  headers.delete("content-encoding");
  headers.delete("content-length");
  const { status, statusText } = response;
  return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
}

const slowCodes = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

function wireFailureOf(error: unknown, signal: AbortSignal): Error {
  if (error instanceof WireFailure) return error;
  if (signal.aborted) return signal.reason;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = String((cause as { code?: unknown } | undefined)?.code ?? "");
  if (slowCodes.has(code)) return new WireFailure("timeout", code, { cause: error });
  // undici puts addresses into messages: only its code goes on
  return new WireFailure("transport", code || "connection failed", { cause: error });
}
